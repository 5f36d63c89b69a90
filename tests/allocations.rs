//! What a turn of a loop allocates: nothing where it works on numbers and elements; where it runs a region, each small result's memory
//! and its header, and an accumulator where it reduces. A binary of its own, because its allocator counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use thalweg::Interpreter;

/// The system's allocator, and how often it was asked.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of a run of a program, its check and its plan left out; the second run, when what is kept between runs is there.
fn allocations(text: &str) -> usize {
    let mut interpreter = Interpreter::builder().threads(1).build();
    let compiled = interpreter.compile("<allocations>", text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let mut counted = 0;
    for _ in 0..2 {
        let before = COUNT.load(Ordering::Relaxed);
        let executed = interpreter.execute(&compiled).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        counted = COUNT.load(Ordering::Relaxed) - before;
        drop(executed);
    }
    counted
}

/// Programs with a number of turns in place of `TURNS`, and the most that a turn may allocate.
const PROGRAMS: &[(&str, usize, usize, &str)] = &[
    (
        "a stencil of which most is replaced, between two arrays",
        1000,
        1,
        "u = zeros(34, 34)
        u[0, :] = 1
        for step in range(TURNS) {
            u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
        }",
    ),
    (
        "a stencil between two arrays",
        1000,
        0,
        "u = range(500) * 0.5
        v = zeros(500)
        for step in range(TURNS) {
            v[1:-1] = 0.5 * (u[:-2] + u[2:])
            u, v = v, u
        }",
    ),
    (
        "a loop of numbers",
        100_000,
        0,
        "x = 0.5
        n = 0
        for step in range(TURNS) {
            x = 3.75 * x * (1 - x)
            if x > 0.5 { n += 1 }
        }",
    ),
    (
        "a `while` of numbers",
        100_000,
        0,
        "n = 0
        x = 1.0
        while n < TURNS {
            n += 1
            if n % 3 == 0 { continue }
            x = x + 1.0 / n
        }",
    ),
    (
        "a loop over elements",
        20_000,
        0,
        "a = zeros(64)
        for i in range(TURNS) { a[i % 64] += a[(i + 1) % 64] + 1.0 }",
    ),
    (
        "a sum in every turn",
        1000,
        3,
        "a = range(300) * 0.001
        total = 0.0
        for i in range(TURNS) { total = total * 0.5 + sum(a * total + 1) }",
    ),
];

#[test]
fn turns_allocate_no_more_than_is_known() {
    let mut faults = Vec::new();
    for (name, turns, most, text) in PROGRAMS {
        let count = |turns: usize| allocations(&text.replace("TURNS", &turns.to_string()));
        let (once, twice) = (count(*turns), count(2 * turns));
        println!("{name}: {once} allocations in {turns} turns, {twice} in {}", 2 * turns);
        if twice > once + most * turns + 16 {
            faults.push(format!("{name}: {once} allocations in {turns} turns, {twice} in twice as many"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
