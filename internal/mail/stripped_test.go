package mail_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/mail"
)

// TestStrippedEncryption: a server that offers no encryption gets no mail, also where an attacker
// removed the offer in transit.
func TestStrippedEncryption(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var heard []string
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "220 mail.test ESMTP\r\n")
			for lines := bufio.NewScanner(conn); lines.Scan(); fmt.Fprint(conn, "250 mail.test\r\n") {
				heard = append(heard, lines.Text())
			}
			conn.Close()
		}
	})
	w := newWorld(t, mail.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: mail.StartTLS, Timeout: 2 * time.Second})
	w.put("alice")
	w.run()
	w.logged("the mail server accepts no mails; they wait in the queue and are tried again", 1)
	w.stop()
	l.Close()
	done.Wait()
	for _, line := range heard {
		if verb, _, _ := strings.Cut(line, " "); verb != "EHLO" && verb != "QUIT" {
			t.Errorf("the server was told %q", line)
		}
	}
	w.waiting(1)
}
