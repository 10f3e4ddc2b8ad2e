"""The pages of the documentation as scripts read them: blocks, commands, headings and links.

A fence says what its block is. `sh` has commands, a line each; `console` has them behind `$ `, with all that they print; `file`
is a file whose name stands in its first line. Behind that word may stand

    not-run: REASON   the commands are not typed
    stays             the command is a service, which goes on until the page ends or another such command comes
    status=N          the last command ends with this status, all others with 0
    added             the lines are added to the file

A remark behind a command of `sh` that has `status N` says how that command ends.
"""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Pages whose commands are a reader's: CHANGELOG.md tells what was.
BESIDE = ["README.md", "SECURITY.md", "CONTRIBUTING.md"]


class PageError(Exception):
    """A page that is not as pages have to be: says file and line."""


def all_pages():
    """The paths of all pages, from the root of the source."""
    return BESIDE + sorted("docs/" + path.name for path in (ROOT / "docs").glob("*.md"))


class Block:
    """A fenced block: the word and the note of its fence, its text, and the line that it begins in."""

    def __init__(self, page, line, info, text):
        self.page, self.line, self.text = page, line, text
        self.word, _, note = info.strip().partition(" ")
        self.not_run = note[len("not-run:"):].strip() if note.startswith("not-run:") else None
        notes = [] if self.not_run is not None else note.split()
        self.stays, self.added = "stays" in notes, "added" in notes
        self.status = next((int(word[7:]) for word in notes if word.startswith("status=")), 0)
        unknown = [word for word in notes if word not in ("stays", "added") and not re.fullmatch(r"status=\d+", word)]
        if unknown or self.not_run == "":
            raise PageError(f"{page}:{line}: '{info}' is no fence that Scripts/pages.py knows")

    @property
    def has_commands(self):
        return self.word in ("sh", "console")

    @property
    def file(self):
        """The path of a `file` block: what its first line names."""
        first = self.text.split("\n", 1)[0]
        match = re.fullmatch(r"[#;] (/\S+)(: .*)?", first)
        if not match:
            raise PageError(f"{self.page}:{self.line}: the first line of a file names it: '# /path'")
        return match[1]

    def commands(self):
        """The commands, each with what is shown of its output (None in `sh`, which shows nothing), and its status."""
        pairs = self._console() if self.word == "console" else [(text, None) for text in self._lines()]
        said = [re.search(r" # .*\bstatus (\d+)", command) for command, _ in pairs]
        statuses = [int(match[1]) if match else 0 for match in said]
        if self.status != 0:
            statuses[-1] = self.status
        return [(command, shown, status) for (command, shown), status in zip(pairs, statuses)]

    def _lines(self):
        lines, waiting = [], ""
        for line in self.text.rstrip("\n").split("\n"):
            waiting += line + "\n"
            if re.fullmatch(r"\s*(#.*)?\n", waiting):
                waiting = ""
            elif is_complete(waiting):
                lines.append(waiting)
                waiting = ""
        if waiting:
            raise PageError(f"{self.page}:{self.line}: the last command has no end: {waiting}")
        return lines

    def _console(self):
        found = []
        for line in self.text.rstrip("\n").split("\n"):
            if line.startswith("$ "):
                found.append([line[2:] + "\n", ""])
            elif not found:
                raise PageError(f"{self.page}:{self.line}: a console begins with '$ ' and a command")
            elif found[-1][1] == "" and not is_complete(found[-1][0]):
                found[-1][0] += re.sub(r"^> ?", "", line) + "\n"
            else:
                found[-1][1] += line + "\n"
        return [tuple(pair) for pair in found]


def is_complete(text):
    """Whether a shell that was told this waits for no more."""
    if text.endswith("\\\n"):
        return False
    said = subprocess.run(["/bin/bash", "-n"], input=text, capture_output=True, text=True)
    return said.returncode == 0 and not said.stderr


class Page:
    """A page: its blocks, and its text without them."""

    def __init__(self, name, text=None):
        self.name = name
        self.text = (ROOT / name).read_text() if text is None else text
        self.blocks, self.prose = [], []
        opened = None
        for number, line in enumerate(self.text.split("\n"), 1):
            if opened is None and line.startswith("```"):
                opened = (number, line[3:], [])
            elif opened is not None and line == "```":
                self.blocks.append(Block(name, opened[0], opened[1], "".join(text + "\n" for text in opened[2])))
                opened = None
            elif opened is not None:
                opened[2].append(line)
            else:
                self.prose.append((number, line))
        if opened is not None:
            raise PageError(f"{name}:{opened[0]}: the block has no end")

    @property
    def title(self):
        return next((line[2:] for _, line in self.prose if line.startswith("# ")), self.name)

    def headings(self):
        """Pairs of rank and text."""
        for _, line in self.prose:
            match = re.match(r"(#+) (.*)", line)
            if match:
                yield len(match[1]), match[2]

    def anchors(self):
        """What a link may name behind `#`, as GitHub makes it of headings, in their order."""
        found, seen = [], {}
        for _, text in self.headings():
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).lower()
            anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            found.append(anchor if count == 0 else f"{anchor}-{count}")
        return found

    def links(self):
        """Pairs of line number and target."""
        for number, line in self.prose:
            for match in re.finditer(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                yield number, match[1]

    def inline_commands(self):
        """Pairs of line number and command of the program, of what stands in the text."""
        for number, line in self.prose:
            for match in re.finditer(r"`(zroute [^`]*)`", line):
                yield number, match[1]
