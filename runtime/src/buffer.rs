//! Memory: reference-counted bytes, and the pool that hands big blocks out again instead of asking for fresh pages.
//!
//! Three states keep this sound. An [`Unwritten`] block has one owner and may hold anything; whoever fills it promises so
//! once and gets a [`Buffer`]. A `Buffer` is initialised, and read-only while it is shared (inside an `Arc`). With one owner
//! it can be written again, or turned back into an `Unwritten` block.

use std::alloc::{Layout, alloc, dealloc};
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every owned buffer starts at a multiple of this: one cache line, and one AVX-512 vector.
pub const ALIGNMENT: usize = 64;

/// From this size on a block lies on pages of its own, huge ones where the system has them.
pub const HUGE_FROM: usize = 4 << 20;

/// Smaller blocks are no pool's: threads keep a few.
const POOLED_FROM: usize = 64 << 10;

/// Still smaller ones are left to the allocator, which is quick with them.
const KEPT_FROM: usize = 64;

/// How many small blocks a thread keeps.
const KEPT_BLOCKS: usize = 16;

/// The size and alignment of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// How many idle blocks a pool keeps, so that looking for one stays cheap.
const IDLE_BLOCKS: usize = 256;

/// How many idle bytes a pool keeps unless it is told otherwise.
const IDLE_BYTES: usize = 4 << 30;

/// The memory that was asked for cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The bytes asked for.
    pub requested: usize,
    /// The bytes that the pool's buffers held then.
    pub live: usize,
    /// The pool's limit, when that is what refused.
    pub limit: Option<usize>,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "out of memory: {} more", Bytes(self.requested))?;
        match self.limit {
            Some(limit) => write!(f, " would pass the limit of {} ({} in use)", Bytes(limit), Bytes(self.live)),
            None => write!(f, " could not be had ({} in use)", Bytes(self.live)),
        }
    }
}

impl std::error::Error for OutOfMemory {}

/// A number of bytes as a person reads it: `512 B`, `1.5 MiB`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut size = self.0 as f64;
        let mut unit = "B";
        for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
            if size < 1024.0 {
                break;
            }
            size /= 1024.0;
            unit = next;
        }
        if unit == "B" || size >= 100.0 || size.fract() == 0.0 {
            write!(f, "{size:.0} {unit}")
        } else {
            write!(f, "{size:.1} {unit}")
        }
    }
}

/// A piece of memory from the system, with no owner of its own.
struct Block {
    pointer: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a block is a plain range of memory that one holder at a time may use; no thread is special to it.
unsafe impl Send for Block {}

impl Block {
    /// A block of at least `bytes`, not initialised; `None` when the system refuses. With `zeroed` every byte is 0.
    fn allocate(capacity: usize, zeroed: bool) -> Option<Block> {
        if capacity == 0 {
            // A non-null, well aligned address that nobody reads.
            let pointer = NonNull::new(std::ptr::without_provenance_mut(ALIGNMENT))?;
            return Some(Block { pointer, capacity });
        }
        if capacity > isize::MAX as usize - HUGE_PAGE {
            return None;
        }
        if capacity >= HUGE_FROM
            && let Some(found) = pages::map(capacity)
        {
            return found.map(|pointer| Block { pointer, capacity });
        }
        let layout = Layout::from_size_align(capacity, ALIGNMENT).ok()?;
        // SAFETY: the layout's size is not zero.
        let pointer = NonNull::new(unsafe { alloc(layout) })?;
        if zeroed {
            // SAFETY: the block has just been allocated with this many bytes.
            unsafe { pointer.write_bytes(0, capacity) };
        }
        Some(Block { pointer, capacity })
    }

    /// Gives the memory back to the system.
    fn free(self) {
        if self.capacity == 0 {
            return;
        }
        if self.capacity >= HUGE_FROM && pages::unmap(self.pointer, self.capacity) {
            return;
        }
        if let Ok(layout) = Layout::from_size_align(self.capacity, ALIGNMENT) {
            // SAFETY: `allocate` made it with this layout: the capacity has not changed, and huge blocks went to `pages`.
            unsafe { dealloc(self.pointer.as_ptr(), layout) }
        }
    }
}

/// Whole pages from Linux, huge ones where it has them; they arrive zeroed without anyone writing them.
#[cfg(all(
    target_os = "linux",
    not(miri),
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod pages {
    use super::HUGE_PAGE;
    use std::ffi::{c_int, c_void};
    use std::ptr::NonNull;

    // The C library that std links anyway. The numbers are the kernel's, equal on the architectures named above.
    unsafe extern "C" {
        fn mmap(
            address: *mut c_void,
            length: usize,
            protection: c_int,
            flags: c_int,
            file: c_int,
            offset: i64,
        ) -> *mut c_void;
        fn munmap(address: *mut c_void, length: usize) -> c_int;
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }

    const READ_AND_WRITE: c_int = 1 | 2;
    const PRIVATE_ANONYMOUS: c_int = 2 | 0x20;
    const ADVISE_HUGE_PAGES: c_int = 14;

    /// Lengths are rounded up to a huge page, so that what is cut off at the ends is whole pages of any size.
    fn rounded(bytes: usize) -> usize {
        bytes.next_multiple_of(HUGE_PAGE)
    }

    /// `Some(None)` when the system refuses, and never `None` here: elsewhere that says "use the allocator".
    pub fn map(bytes: usize) -> Option<Option<NonNull<u8>>> {
        let length = rounded(bytes);
        // SAFETY: an anonymous private mapping at an address of the kernel's choice touches nothing that exists.
        let start = unsafe { mmap(std::ptr::null_mut(), length + HUGE_PAGE, READ_AND_WRITE, PRIVATE_ANONYMOUS, -1, 0) };
        if start.addr() == usize::MAX {
            return Some(None);
        }
        let before = start.addr().next_multiple_of(HUGE_PAGE) - start.addr();
        let after = HUGE_PAGE - before;
        // SAFETY: the three parts lie inside the mapping just made, which nothing uses yet: the ends go back, the middle
        // stays. Advice that is not taken changes nothing.
        unsafe {
            let middle = start.byte_add(before);
            if before > 0 {
                munmap(start, before);
            }
            if after > 0 {
                munmap(middle.byte_add(length), after);
            }
            madvise(middle, length, ADVISE_HUGE_PAGES);
            Some(NonNull::new(middle.cast()))
        }
    }

    /// Gives back what `map` made of the same number of bytes.
    pub fn unmap(pointer: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: the caller owns the block, so nothing refers to it any more, and `map` made it with this length.
        unsafe { munmap(pointer.as_ptr().cast(), rounded(bytes)) };
        true
    }
}

/// Where there is no such call (Miri, which checks the unsafe code, has none) the allocator serves every size.
#[cfg(not(all(
    target_os = "linux",
    not(miri),
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
mod pages {
    use std::ptr::NonNull;

    pub fn map(_bytes: usize) -> Option<Option<NonNull<u8>>> {
        None
    }

    pub fn unmap(_pointer: NonNull<u8>, _bytes: usize) -> bool {
        false
    }
}

/// Recycles big blocks. A session owns one; clones are handles to the same pool, and buffers find their way back to it when
/// they are dropped, for as long as it lives.
///
/// What it keeps idle never makes the program bigger than its buffers once were: a fresh block that would do so pushes
/// idle ones out first.
#[derive(Clone)]
pub struct Pool {
    owner: Arc<Owner>,
}

/// What the pool's handles hold, and its buffers do not: when the last handle goes, nothing is kept idle any more.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        let mut idle = self.0.idle();
        idle.cap = 0;
        idle.shrink(0);
    }
}

struct Shared {
    live: AtomicUsize,
    peak: AtomicUsize,
    limit: AtomicUsize,
    idle: Mutex<Idle>,
}

struct Idle {
    /// Most recently returned last: those are likeliest to be in a cache.
    blocks: VecDeque<Block>,
    bytes: usize,
    cap: usize,
    /// The most bytes that were live at once since the pool was made.
    high_water: usize,
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

impl Idle {
    /// Frees the blocks that have waited longest until at most `bytes` are kept.
    fn shrink(&mut self, bytes: usize) {
        while self.bytes > bytes
            && let Some(block) = self.blocks.pop_front()
        {
            self.bytes -= block.capacity;
            block.free();
        }
    }

    fn take(&mut self, capacity: usize) -> Option<Block> {
        let place = self.blocks.iter().rposition(|block| block.capacity == capacity)?;
        let block = self.blocks.remove(place)?;
        self.bytes -= capacity;
        Some(block)
    }
}

/// Small blocks that a thread gave back, the latest last: a small array takes less time to compute than the allocator to find aligned
/// memory for it.
struct Kept(Vec<Block>);

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

impl Kept {
    /// A block of this capacity, if the thread has one.
    fn take(capacity: usize, zeroed: bool) -> Option<Block> {
        if capacity < KEPT_FROM {
            return None;
        }
        // A thread that is ending keeps nothing.
        let found = KEPT.try_with(|kept| {
            let blocks = &mut kept.borrow_mut().0;
            let place = blocks.iter().rposition(|block| block.capacity == capacity)?;
            Some(blocks.remove(place))
        });
        let block = found.ok().flatten()?;
        if zeroed {
            // SAFETY: the block has so many bytes, and it is ours alone.
            unsafe { block.pointer.write_bytes(0, capacity) };
        }
        Some(block)
    }

    /// Keeps a block, and lets the oldest go when there are too many.
    fn give_back(block: Block) {
        if block.capacity < KEPT_FROM {
            return block.free();
        }
        let mut block = Some(block);
        let _ = KEPT.try_with(|kept| {
            let blocks = &mut kept.borrow_mut().0;
            blocks.extend(block.take());
            block = (blocks.len() > KEPT_BLOCKS).then(|| blocks.remove(0));
        });
        if let Some(block) = block {
            block.free();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Block::free);
    }
}

/// The capacity that serves a request: four sizes to a doubling, so that a little more or less finds the same block, and at
/// most a fifth of it is spare.
fn class_of(bytes: usize) -> Option<usize> {
    if bytes < KEPT_FROM {
        return Some(bytes);
    }
    let step = 1usize << (bytes.ilog2() - 2);
    bytes.checked_next_multiple_of(step)
}

impl Default for Pool {
    fn default() -> Pool {
        Pool::new()
    }
}

impl Pool {
    /// An empty pool that keeps a few gigabytes idle at most.
    pub fn new() -> Pool {
        Pool::with_cap(IDLE_BYTES)
    }

    /// An empty pool that keeps at most this many bytes idle.
    pub fn with_cap(bytes: usize) -> Pool {
        let shared = Shared {
            live: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
            idle: Mutex::new(Idle { blocks: VecDeque::new(), bytes: 0, cap: bytes, high_water: 0 }),
        };
        Pool { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.0
    }

    /// From now on no more than `bytes` live at once (`None`: as many as the system gives). What lives already stays.
    pub fn set_limit(&self, bytes: Option<usize>) {
        self.shared().limit.store(bytes.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// A block for someone who will write every byte: nothing is cleared.
    ///
    /// # Errors
    /// When the system has no such memory, or the limit forbids it.
    pub fn uninitialized(&self, bytes: usize) -> Result<Unwritten, OutOfMemory> {
        self.obtain(bytes, false)
    }

    /// A buffer of zeros.
    ///
    /// # Errors
    /// When the system has no such memory, or the limit forbids it.
    pub fn zeroed(&self, bytes: usize) -> Result<Buffer, OutOfMemory> {
        let block = self.obtain(bytes, true)?;
        // SAFETY: `obtain` has cleared every byte.
        Ok(unsafe { block.assume_written() })
    }

    /// A buffer with these bytes.
    ///
    /// # Errors
    /// When the system has no such memory, or the limit forbids it.
    pub fn copy_of(&self, bytes: &[u8]) -> Result<Buffer, OutOfMemory> {
        let block = self.obtain(bytes.len(), false)?;
        // SAFETY: the block has `bytes.len()` bytes, is nobody else's, and all of them are written here.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), block.pointer(), bytes.len());
            Ok(block.assume_written())
        }
    }

    /// The bytes that buffers of this pool hold now.
    pub fn live_bytes(&self) -> usize {
        self.shared().live.load(Ordering::Relaxed)
    }

    /// The most that they held at once since the pool was made or [`Pool::reset_peak`] was called.
    pub fn peak_bytes(&self) -> usize {
        self.shared().peak.load(Ordering::Relaxed)
    }

    /// Counts the peak anew, from what lives now.
    pub fn reset_peak(&self) {
        self.shared().peak.store(self.live_bytes(), Ordering::Relaxed);
    }

    /// The bytes kept for the next buffer.
    pub fn idle_bytes(&self) -> usize {
        self.shared().idle().bytes
    }

    /// Gives every idle block back to the system.
    pub fn trim(&self) {
        self.shared().idle().shrink(0);
    }

    fn obtain(&self, bytes: usize, zeroed: bool) -> Result<Unwritten, OutOfMemory> {
        let shared = self.shared();
        let limit = shared.limit.load(Ordering::Relaxed);
        let reserved = if limit == usize::MAX && (bytes as u64) >> 48 == 0 {
            // More than any memory, and yet no sum of those that threads ask for at once passes a number's end.
            Ok(shared.live.fetch_add(bytes, Ordering::Relaxed))
        } else {
            shared.live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |live| {
                live.checked_add(bytes).filter(|&total| total <= limit)
            })
        };
        let live = match reserved {
            Ok(before) => before + bytes,
            Err(live) => {
                let limit = Some(limit).filter(|&limit| limit != usize::MAX);
                return Err(OutOfMemory { requested: bytes, live, limit });
            }
        };
        match shared.block(bytes, live, zeroed) {
            Some(block) => {
                // Most of the time it is no new one, and looking costs less.
                if live > shared.peak.load(Ordering::Relaxed) {
                    shared.peak.fetch_max(live, Ordering::Relaxed);
                }
                Ok(Unwritten { block: ManuallyDrop::new(block), bytes, pool: Some(Arc::clone(shared)) })
            }
            None => {
                let before = shared.live.fetch_sub(bytes, Ordering::Relaxed);
                Err(OutOfMemory { requested: bytes, live: before - bytes, limit: None })
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "Pool({} live, {} at most, {} idle)",
            Bytes(self.live_bytes()),
            Bytes(self.peak_bytes()),
            Bytes(self.idle_bytes())
        )
    }
}

impl Shared {
    /// A panic elsewhere cannot leave the list half changed, so a poisoned lock is as good as another.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block for `bytes`, when `live` counts them already.
    fn block(&self, bytes: usize, live: usize, zeroed: bool) -> Option<Block> {
        let capacity = class_of(bytes)?;
        if bytes < POOLED_FROM {
            return Kept::take(capacity, zeroed).or_else(|| Block::allocate(capacity, zeroed));
        }
        {
            let mut idle = self.idle();
            idle.high_water = idle.high_water.max(live);
            if let Some(block) = idle.take(capacity) {
                drop(idle);
                if zeroed {
                    // SAFETY: the block has `capacity >= bytes` bytes, and it is ours alone.
                    unsafe { block.pointer.write_bytes(0, bytes) };
                }
                return Some(block);
            }
            let room = idle.high_water - live;
            idle.shrink(room);
        }
        Block::allocate(capacity, zeroed).or_else(|| {
            // The system may have room once it has ours back.
            self.idle().shrink(0);
            Block::allocate(capacity, zeroed)
        })
    }

    fn give_back(&self, block: Block, bytes: usize) {
        self.live.fetch_sub(bytes, Ordering::Relaxed);
        if bytes < POOLED_FROM {
            return Kept::give_back(block);
        }
        let mut idle = self.idle();
        if block.capacity > idle.cap {
            drop(idle);
            return block.free();
        }
        if idle.blocks.len() == IDLE_BLOCKS {
            let without_oldest = idle.bytes - idle.blocks.front().map_or(0, |oldest| oldest.capacity);
            idle.shrink(without_oldest);
        }
        idle.bytes += block.capacity;
        idle.blocks.push_back(block);
        let cap = idle.cap;
        idle.shrink(cap);
    }
}

/// A block of memory with one owner, which may hold anything: an output before a kernel has filled it. Dropped, it goes
/// back to its pool.
pub struct Unwritten {
    block: ManuallyDrop<Block>,
    bytes: usize,
    pool: Option<Arc<Shared>>,
}

// SAFETY: the memory behind it has this one owner, and `&Unwritten` gives out only a raw pointer, whose user promises not to
// race.
unsafe impl Sync for Unwritten {}

impl Unwritten {
    /// A block of no pool.
    ///
    /// # Errors
    /// When the system has no such memory.
    pub fn new(bytes: usize) -> Result<Unwritten, OutOfMemory> {
        match Block::allocate(bytes, false) {
            Some(block) => Ok(Unwritten { block: ManuallyDrop::new(block), bytes, pool: None }),
            None => Err(OutOfMemory { requested: bytes, live: 0, limit: None }),
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The first byte, for executors that fill the block from several threads: they may write anywhere in it, each byte by
    /// one thread at a time, while this `Unwritten` lives. Aligned to [`ALIGNMENT`].
    pub fn pointer(&self) -> *mut u8 {
        self.block.pointer.as_ptr()
    }

    /// The bytes, for one writer.
    pub fn as_mut_slice(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the block has `bytes` bytes, `&mut self` is the only way to them, and `MaybeUninit` may hold anything.
        unsafe { std::slice::from_raw_parts_mut(self.pointer().cast(), self.bytes) }
    }

    /// Fills the block with zeros, for one who would rather not promise anything.
    pub fn zeroed(mut self) -> Buffer {
        self.as_mut_slice().fill(MaybeUninit::new(0));
        // SAFETY: every byte has just been written.
        unsafe { self.assume_written() }
    }

    /// The buffer that the block has become.
    ///
    /// # Safety
    /// Every byte has been written, and no pointer into it is written through any more.
    pub unsafe fn assume_written(self) -> Buffer {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped and never used again, so each field moves out once.
        unsafe {
            Buffer {
                storage: Storage::Owned {
                    pointer: this.block.pointer,
                    capacity: ManuallyDrop::take(&mut this.block).capacity,
                    bytes: this.bytes,
                    pool: std::ptr::read(&this.pool),
                },
            }
        }
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        // SAFETY: this is the last use of the field.
        let block = unsafe { ManuallyDrop::take(&mut self.block) };
        match &self.pool {
            Some(pool) => pool.give_back(block, self.bytes),
            None => block.free(),
        }
    }
}

impl fmt::Debug for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Unwritten({} bytes)", self.bytes)
    }
}

/// Initialised bytes. Shared (in an `Arc`) they never change; their one owner may write them.
pub struct Buffer {
    storage: Storage,
}

/// What keeps the memory of a borrowed buffer: dropped with the buffer.
pub type Keeper = Box<dyn Any + Send + Sync>;

/// Bytes aligned for any element.
#[repr(align(16))]
struct Inline([u8; 16]);

enum Storage {
    /// One element, without an allocation of its own.
    Inline(Inline),
    Owned {
        pointer: NonNull<u8>,
        capacity: usize,
        bytes: usize,
        pool: Option<Arc<Shared>>,
    },
    Borrowed {
        pointer: NonNull<u8>,
        bytes: usize,
        _keeper: Option<Keeper>,
    },
}

// SAFETY: shared bytes are only read (`&Buffer` gives out no way to write), the keeper is Send + Sync, and a borrowed buffer's
// constructor demands that nobody else writes.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// The memory of the embedding program, which is read where it lies and never written.
    ///
    /// # Safety
    /// From now until this buffer is dropped (its `keeper` is dropped with it) the `bytes` bytes at `pointer` stay
    /// allocated and initialised, and nobody writes them.
    pub unsafe fn borrowed(pointer: NonNull<u8>, bytes: usize, keeper: Option<Keeper>) -> Buffer {
        Buffer { storage: Storage::Borrowed { pointer, bytes, _keeper: keeper } }
    }

    /// A single element's bytes, kept inside: what a rank 0 array has.
    pub(crate) fn inline(bytes: [u8; 16]) -> Buffer {
        Buffer { storage: Storage::Inline(Inline(bytes)) }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match &self.storage {
            Storage::Inline(Inline(bytes)) => bytes.len(),
            Storage::Owned { bytes, .. } | Storage::Borrowed { bytes, .. } => *bytes,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first byte, to read from. Aligned to [`ALIGNMENT`] when the buffer is [owned](Buffer::is_owned), otherwise to the
    /// element that it was made for.
    pub fn pointer(&self) -> *const u8 {
        match &self.storage {
            Storage::Inline(Inline(bytes)) => bytes.as_ptr(),
            Storage::Owned { pointer, .. } | Storage::Borrowed { pointer, .. } => pointer.as_ptr(),
        }
    }

    /// The first byte, to write to while the `&mut` lasts; `None` for borrowed memory, which is never written.
    pub fn pointer_mut(&mut self) -> Option<*mut u8> {
        match &mut self.storage {
            Storage::Inline(Inline(bytes)) => Some(bytes.as_mut_ptr()),
            Storage::Owned { pointer, .. } => Some(pointer.as_ptr()),
            Storage::Borrowed { .. } => None,
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: a buffer's bytes are initialised and unchanged while it is borrowed; `pointer` and `len` describe them.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.len()) }
    }

    /// The bytes to write; `None` for borrowed memory.
    pub fn as_bytes_mut(&mut self) -> Option<&mut [u8]> {
        let length = self.len();
        let pointer = self.pointer_mut()?;
        // SAFETY: as in `as_bytes`, and `&mut self` is the only way to them.
        Some(unsafe { std::slice::from_raw_parts_mut(pointer, length) })
    }

    /// Whether the memory is a block of ours: the kind that can be written again once it has one owner.
    pub fn is_owned(&self) -> bool {
        matches!(self.storage, Storage::Owned { .. })
    }

    /// Whether the memory is only lent, for as long as someone else says: nothing may keep it. Memory with a keeper may be kept.
    pub fn is_lent(&self) -> bool {
        matches!(self.storage, Storage::Borrowed { _keeper: None, .. })
    }

    /// Forgets the contents, to reuse the block for another result; gives the buffer back when it is not an owned block.
    ///
    /// # Errors
    /// The buffer itself, when its memory is borrowed or inline.
    pub fn into_unwritten(self) -> Result<Unwritten, Buffer> {
        let this = ManuallyDrop::new(self);
        match &this.storage {
            Storage::Owned { pointer, capacity, bytes, pool } => Ok(Unwritten {
                block: ManuallyDrop::new(Block { pointer: *pointer, capacity: *capacity }),
                bytes: *bytes,
                // SAFETY: `this` is never dropped, so the field moves out once.
                pool: unsafe { std::ptr::read(pool) },
            }),
            _ => Err(ManuallyDrop::into_inner(this)),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Storage::Owned { pointer, capacity, bytes, pool } = &self.storage {
            let block = Block { pointer: *pointer, capacity: *capacity };
            match pool {
                Some(pool) => pool.give_back(block, *bytes),
                None => block.free(),
            }
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = match self.storage {
            Storage::Inline(_) => "inline",
            Storage::Owned { .. } => "owned",
            Storage::Borrowed { .. } => "borrowed",
        };
        write!(f, "Buffer({} bytes, {kind})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_blocks_are_aligned_and_come_back() {
        let pool = Pool::new();
        let first = pool.zeroed(5 << 20).unwrap();
        assert_eq!(first.pointer().addr() % ALIGNMENT, 0);
        if cfg!(all(target_os = "linux", not(miri))) {
            assert_eq!(first.pointer().addr() % HUGE_PAGE, 0);
        }
        assert!(first.as_bytes().iter().all(|&byte| byte == 0));
        let place = first.pointer();
        let mut block = first.into_unwritten().unwrap();
        block.as_mut_slice().fill(MaybeUninit::new(7));
        drop(block);
        assert_eq!(pool.idle_bytes(), 5 << 20);
        assert_eq!(pool.live_bytes(), 0);
        let again = pool.zeroed((5 << 20) - 100).unwrap();
        assert_eq!(again.pointer(), place);
        assert!(again.as_bytes().iter().all(|&byte| byte == 0));
        assert_eq!(pool.idle_bytes(), 0);
        assert_eq!((pool.live_bytes(), pool.peak_bytes()), ((5 << 20) - 100, 5 << 20));
        drop(pool);
        drop(again);
    }

    #[test]
    fn idle_blocks_never_raise_the_footprint() {
        let pool = Pool::new();
        drop(pool.uninitialized(8 << 20).unwrap());
        assert_eq!(pool.idle_bytes(), 8 << 20);
        // Of another class: together they would be more than has ever lived.
        let other = pool.uninitialized(6 << 20).unwrap();
        assert_eq!(pool.idle_bytes(), 0);
        drop(other);
        let both = (pool.uninitialized(6 << 20).unwrap(), pool.uninitialized(8 << 20).unwrap());
        drop(both);
        assert_eq!(pool.idle_bytes(), 14 << 20);
        let third = pool.uninitialized(5 << 20).unwrap();
        assert_eq!(pool.idle_bytes(), 8 << 20, "the block that waited longest makes room");
        drop(third);
        pool.trim();
        assert_eq!(pool.idle_bytes(), 0);
    }

    #[test]
    fn caps_limits_and_peaks() {
        let pool = Pool::with_cap(1 << 20);
        drop(pool.uninitialized(2 << 20).unwrap());
        assert_eq!(pool.idle_bytes(), 0, "beyond the cap nothing is kept");
        pool.set_limit(Some(1000));
        let kept = pool.uninitialized(600).unwrap();
        let refused = pool.uninitialized(600).unwrap_err();
        assert_eq!(refused, OutOfMemory { requested: 600, live: 600, limit: Some(1000) });
        assert_eq!(refused.to_string(), "out of memory: 600 B more would pass the limit of 1000 B (600 B in use)");
        pool.set_limit(None);
        assert!(pool.uninitialized(usize::MAX).is_err());
        assert!(pool.uninitialized(isize::MAX as usize).is_err());
        assert!(pool.uninitialized(1 << 60).is_err(), "more than the system has");
        assert_eq!(pool.live_bytes(), 600);
        pool.reset_peak();
        assert_eq!(pool.peak_bytes(), 600);
        drop(kept);
        assert_eq!(pool.live_bytes(), 0);
        assert!(pool.zeroed(0).unwrap().is_empty());
    }

    #[test]
    fn classes_waste_at_most_a_fifth() {
        for bytes in [POOLED_FROM, POOLED_FROM + 1, 80_000_000, (1 << 30) - 1, (1 << 30) + 1] {
            let capacity = class_of(bytes).unwrap();
            assert!(capacity >= bytes && (capacity - bytes) * 5 <= capacity, "{bytes} -> {capacity}");
        }
    }

    #[test]
    fn threads_share_a_pool() {
        let pool = Pool::new();
        std::thread::scope(|scope| {
            for thread in 0..4u8 {
                let pool = pool.clone();
                scope.spawn(move || {
                    for round in 0..if cfg!(miri) { 4 } else { 200 } {
                        let bytes = 1000 + (round * 7919 + thread as usize * 104_729) % 300_000;
                        let mut block = pool.uninitialized(bytes).unwrap();
                        block.as_mut_slice().fill(MaybeUninit::new(thread));
                        // SAFETY: filled just above.
                        let buffer = unsafe { block.assume_written() };
                        assert!(buffer.as_bytes().iter().all(|&byte| byte == thread));
                    }
                });
            }
        });
        assert_eq!(pool.live_bytes(), 0);
    }

    #[test]
    fn sizes_read_well() {
        let text: Vec<_> = [0, 1023, 1024, 1536, 800_000_000, 2 << 30].map(|size| Bytes(size).to_string()).into();
        assert_eq!(text, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "763 MiB", "2 GiB"]);
    }
}
