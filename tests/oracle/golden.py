"""Compares the golden programs of tests/programs with NumPy, through `reference.py`; with `--update` writes NumPy's answers.

    python tests/oracle/golden.py            compare; the exit status is 1 when an answer is not NumPy's
    python tests/oracle/golden.py --update   write what NumPy answers

A line that begins with `# not NumPy's:` before a statement says why its answer is ours; such a statement is left alone.
"""

import pathlib
import sys

from reference import Session, ThalwegError

PROGRAMS = pathlib.Path(__file__).resolve().parent.parent / "programs"


def entries_of(text):
    """The file as a list of ("comment", line) and ("statement", text, expected lines, ours)."""
    entries, ours = [], False
    for line in text.split("\n"):
        if line.startswith("> "):
            entries.append(["statement", line[2:], [], ours])
            ours = False
        elif line.startswith(". ") and entries and entries[-1][0] == "statement" and not entries[-1][2]:
            entries[-1][1] += "\n" + line[2:]
        elif line.startswith("#"):
            ours = line.startswith("# not NumPy's:")
            entries.append(["comment", line])
        elif entries and entries[-1][0] == "statement":
            entries[-1][2].append(line)
        else:
            entries.append(["comment", line])
    for entry in entries:
        if entry[0] == "statement":
            while entry[2] and not entry[2][-1].strip():
                entry[2].pop()
    return entries


def answer(session, statement):
    try:
        return "\n".join(session.run(statement)).split("\n") if session is not None else []
    except ThalwegError as error:
        return [f"error: {error}"]


def main():
    update, wrong, count = "--update" in sys.argv, 0, 0
    for path in sorted(PROGRAMS.glob("*.txt")):
        session, written = Session(), []
        previous_output = True
        for entry in entries_of(path.read_text()):
            if entry[0] == "comment":
                written.append(entry[1])
                continue
            _, statement, expected, ours = entry
            found = [line.rstrip() for line in answer(session, statement)]
            while found and not found[-1]:
                found.pop()
            count += 1
            expected_error = expected and expected[0].startswith("error[")
            if found != expected and not ours and not (expected_error and found and found[0].startswith("error: ")):
                wrong += 1
                if not update:
                    print(f"{path.name}: > {statement}\n  NumPy: {found}\n  here:  {expected}")
                expected = found
            lines = statement.split("\n")
            written.append("> " + lines[0])
            written.extend(". " + line for line in lines[1:])
            written.extend(expected)
        if update:
            path.write_text("\n".join(written).rstrip("\n") + "\n")
    print(f"{count} statements, {wrong} not NumPy's")
    return 1 if wrong and not update else 0


if __name__ == "__main__":
    sys.exit(main())
