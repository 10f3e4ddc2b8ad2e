"""The address list of an alias (docs/semantics.md, section 8), read apart from the program: a list of members, or a fault."""

SPECIALS = b'()<>[]:;@\\,."'


class Fault(Exception):
    """The value is no address list."""


class TooMany(Exception):
    """The list has more members than one address may become."""


class Reader:
    """Reads a list from the front to the back."""

    def __init__(self, value, limit):
        try:
            value.decode()
        except UnicodeDecodeError:
            self.broken = True
        else:
            self.broken = False
        self.value, self.limit, self.place, self.members = value, limit, 0, []

    def peek(self, ahead=0):
        return self.value[self.place + ahead : self.place + ahead + 1]

    def fail(self):
        raise Fault(f'at byte {self.place + 1}')

    def skip_blanks(self):
        while True:
            if self.peek() in (b' ', b'\t'):
                self.place += 1
            elif self.peek() == b'(':
                self.skip_comment()
            else:
                return

    def skip_comment(self):
        depth = 0
        while True:
            byte = self.peek()
            if not byte or self.is_control(byte, allowing=b'\t'):
                self.fail()
            if byte == b'\\':
                self.place += 1
                if not self.peek() or self.is_control(self.peek(), allowing=b'\t'):
                    self.fail()
            depth += (byte == b'(') - (byte == b')')
            self.place += 1
            if depth == 0:
                return

    @staticmethod
    def is_control(byte, allowing=b''):
        return (byte < b' ' or byte == b'\x7f') and byte not in (allowing,)

    def is_word(self, byte):
        return bool(byte) and (
            byte in (b'"', b'.') or byte >= b'\x80' or (byte > b' ' and byte != b'\x7f' and byte not in SPECIALS)
        )

    def quoted_string(self):
        start = self.place
        self.place += 1
        while self.peek() != b'"':
            if self.peek() == b'\\':
                self.place += 1
            if not self.peek() or self.is_control(self.peek()):
                self.fail()
            self.place += 1
        self.place += 1
        return self.value[start : self.place]

    def word(self):
        """A quoted string, or atoms with dots between them; and whether a dot stands wrong in it."""
        start = self.place
        if self.peek() == b'"':
            text = self.quoted_string()
            if self.is_word(self.peek()):
                self.fail()
            return text, False
        while self.is_word(self.peek()):
            if self.peek() == b'"':
                self.fail()
            self.place += 1
        text = self.value[start : self.place]
        wrong = text.startswith(b'.') or text.endswith(b'.') or b'..' in text
        return text, wrong and text[:1] not in (b'|', b'/')

    # One address

    def domain(self):
        start = self.place
        if self.peek() == b'[':
            while self.peek() != b']':
                self.place += 1
                byte = self.peek()
                if not byte or byte in b'[\\@ \t' or self.is_control(byte):
                    self.fail()
            self.place += 1
            if self.place == start + 2:
                self.fail()
        else:
            while self.peek() == b'.' or (self.is_word(self.peek()) and self.peek() != b'"'):
                self.place += 1
            labels = self.value[start : self.place].split(b'.')
            if not all(0 < len(label) <= 63 for label in labels):
                self.fail()
        if self.place - start > 255:
            self.fail()
        return self.value[start : self.place]

    def address(self):
        return self.route() if self.peek() == b'@' else self.mailbox()

    def route(self):
        text = b''
        while True:
            if self.peek() != b'@':
                self.fail()
            self.place += 1
            self.skip_blanks()
            text += b'@' + self.domain()
            self.skip_blanks()
            separator = self.peek()
            if separator not in (b',', b':'):
                self.fail()
            self.place += 1
            text += separator
            self.skip_blanks()
            if separator == b':':
                break
        if not self.peek() or self.peek() == b'@':
            self.fail()
        mailbox = self.mailbox()
        if b'@' not in mailbox.rsplit(b'"', 1)[-1]:
            self.fail()
        return text + mailbox

    def mailbox(self):
        start = self.place
        decnet = False
        if self.peek() == b'"':
            local, wrong = self.quoted_string(), False
        else:
            while True:
                after = self.peek(2)
                if self.is_word(self.peek()) and self.peek() != b'"':
                    self.place += 1
                elif self.peek() == b'"':
                    self.fail()
                elif (
                    self.peek() == b':' and self.peek(1) == b':' and self.place > start
                    and after > b' ' and after != b'\x7f' and after not in SPECIALS
                ):
                    decnet = True
                    self.place += 2
                else:
                    break
            local = self.value[start : self.place]
            wrong = local.startswith(b'.') or local.endswith(b'.') or b'..' in local
        end = self.place
        self.skip_blanks()
        if self.peek() != b'@':
            if start < end and local[:1] == b'"' and self.peek() and (self.place == end or self.peek() not in SPECIALS):
                self.fail()
            if self.place > end and self.peek() and self.peek() not in SPECIALS:
                self.fail()
            if wrong and local[:1] not in (b'|', b'/'):
                self.fail()
            if local == b'""':
                self.fail()
            return local
        if wrong or decnet or not local:
            self.fail()
        self.place += 1
        self.skip_blanks()
        return local + b'@' + self.domain()

    # Members

    def add(self, text):
        bare = text[text.rindex(b'"') :] if text.startswith(b'"') else text
        if any(part.startswith(b'%') for part in bare.replace(b'@', b'.').split(b'.')):
            self.fail()
        if text.startswith(b'":include:') and text.endswith(b'"'):
            text = unquoted(text)
        self.append(text)

    def append(self, text):
        if len(self.members) >= self.limit:
            raise TooMany
        self.members.append(text)

    def member(self):
        start = self.place
        words = []
        while self.place < len(self.value):
            byte = self.peek()
            doubled = byte == b':' and self.peek(1) == b':'
            if byte == b'<':
                return self.angle_address()
            if byte == b'@' or (doubled and words):
                if len(words) > 1:
                    self.fail()
                self.place = start
                return self.add(self.address())
            if byte == b':' and not words:
                if not self.value[self.place :].startswith(b':include:'):
                    self.fail()
                begin = self.place
                self.place += len(b':include:')
                path = self.place
                while self.is_word(self.peek()) and self.peek() != b'"':
                    self.place += 1
                if self.place == path:
                    self.fail()
                return self.append(self.value[begin : self.place])
            if byte == b'[' and not words:
                return self.append(self.domain())
            if not self.is_word(byte):
                break
            words.append(self.word())
            self.skip_blanks()
        if not words or any(wrong for _, wrong in words):
            self.fail()
        for text, _ in words:
            self.add(text)

    def angle_address(self):
        self.place += 1
        self.skip_blanks()
        if self.peek() in (b'', b'>'):
            self.fail()
        if self.peek() == b':':
            self.fail()
        text = self.address()
        self.skip_blanks()
        if self.peek() != b'>':
            self.fail()
        self.place += 1
        self.add(text)

    def opens_group(self):
        start = self.place
        words = 0
        while self.is_word(self.peek()):
            self.word()
            words += 1
            self.skip_blanks()
        if words and self.peek() == b':' and self.peek(1) != b':':
            self.place += 1
            self.skip_blanks()
            return True
        self.place = start
        return False

    def read(self):
        if not self.value or self.value.startswith(b'#'):
            self.fail()
        in_group = False
        while True:
            if self.peek() == b'\\':
                self.place += 1
            self.skip_blanks()
            if self.peek() == b',':
                self.place += 1
                continue
            is_empty_group = False
            if not in_group and self.opens_group():
                in_group = True
                is_empty_group = self.peek() == b';'
            if not is_empty_group:
                self.member()
            self.skip_blanks()
            if in_group and self.peek() == b';':
                in_group = False
                self.place += 1
                self.skip_blanks()
            if not self.peek():
                break
            if self.peek() != b',':
                self.fail()
            self.place += 1
        if in_group or not self.members or self.broken:
            self.fail()
        return self.members


def unquoted(text):
    """What a quoted string holds."""
    result, escaped = bytearray(), False
    for byte in text[1:-1]:
        if byte == ord('\\') and not escaped:
            escaped = True
        else:
            result.append(byte)
            escaped = False
    return bytes(result)


def members(value, limit):
    """The addresses of a list, in order."""
    return Reader(value, limit).read()


def included_members(content, limit):
    """The addresses of the lists of an included file, one list a line."""
    found = []
    for line in content.split(b'\n'):
        line = line.removesuffix(b'\r')
        if line.strip(b' \t') and not line.startswith(b'#'):
            found += members(line, limit - len(found))
    if not found:
        raise Fault('no member')
    return found
