"""README's table of speed: benchmarks add their rows, and `make bench` writes the table from them.

    SWIFTKAN_BENCH=rows.jsonl .venv/bin/python benchmarks/small_net.py     adds rows to a file; without the variable none are kept
    python benchmarks/_table.py rows.jsonl [README.md]                     writes the table between its two marks

What it must get right: a row is what one run measured, medians of times and of the rounds' ratios, never put together from several;
a target that is missed is shown as such. A row that is measured again takes the place of the older one.
"""

import json
import os
import pathlib
import sys

import _measure

BEGIN, END = "<!-- the table of make bench -->", "<!-- its end -->"
README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def compared(question, threads, ours, peer, theirs, least):
    """A row against a peer: the seconds of both in each round, and the ratio that is wanted."""
    ratio = _measure.ratio(theirs, ours)[1]
    times = [_measure.duration(_measure.quartiles(values)[1]) for values in (ours, theirs)]
    _add(question, threads, times[0], f"{peer} {times[1]}", f"{float(f'{ratio:.3g}'):g} ×", f"≥ {least:g} ×", ratio >= least, peer)


def limited(question, threads, ours, limit, met):
    """A row without a peer: two texts, what was measured and what is wanted."""
    _add(question, threads, ours, "", "", limit, met)


def _add(question, threads, ours, peer, ratio, target, met, name=""):
    file = os.environ.get("SWIFTKAN_BENCH")
    if file:
        row = dict(question=question, threads=threads, ours=ours, peer=peer, ratio=ratio, target=target, met=bool(met), name=name)
        with open(file, "a") as rows:
            rows.write(json.dumps({**row, "machine": _measure.machine()}, ensure_ascii=False) + "\n")


def table(rows):
    """The rows as Markdown, each question and peer once."""
    newest = {(row["question"], row["threads"], row["name"]): row for row in rows}.values()
    machines = sorted({row["machine"] for row in newest})
    lines = [f"Measured on {'; '.join(machines)}; medians, both sides of a ratio in one run.", ""]
    lines += ["| question | threads | swiftkan | peer | ratio | target |", "|---|---|---|---|---|---|"]
    for row in newest:
        target = row["target"] + ("" if row["met"] else ", missed")
        lines.append(f"| {row['question']} | {row['threads']} | {row['ours']} | {row['peer']} | {row['ratio']} | {target} |")
    return "\n".join(lines)


def main():
    rows = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    readme = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else README
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}")


if __name__ == "__main__":
    main()
