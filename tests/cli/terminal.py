"""terminal.py - a program at the other end of a pseudo terminal, as a person at a keyboard sees it."""
import os
import pty
import re
import select
import subprocess
import time


class Terminal:
    def __init__(self, arguments, environment):
        self.master, slave = pty.openpty()
        self.program = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True, preexec_fn=self._own_terminal)
        os.close(slave)
        self.seen = ""

    @staticmethod
    def _own_terminal():
        """Makes the pseudo terminal the controlling one, so that Ctrl+C becomes SIGINT as at a keyboard."""
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def close(self):
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def wait_for(self, pattern, seconds=120):
        """Reads until the pattern appears; the text up to and with it is consumed and returned."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(left, 0))
            if not ready:
                raise AssertionError(f"no {pattern!r} within {seconds} s; the terminal shows {self.seen!r}")
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # Linux reports the end of the other side this way
                piece = b""
            if not piece:
                raise AssertionError(f"the program ended without {pattern!r}; the terminal shows {self.seen!r}")
            self.seen += piece.decode(errors="replace")
        text, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return text

    def ends(self, seconds=20):
        """The exit status; what is still written is read, so that the program can end."""
        end = time.monotonic() + seconds
        while self.program.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"still running; the terminal shows {self.seen!r}")
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    pass
        return self.program.returncode
