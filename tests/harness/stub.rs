//! An upstream that answers whatever a test wants answered.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

/// Speaks plain http, one request per connection; it stands behind a witness.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
}

impl Stub {
    /// `answer` is handed the request's first line and gives the whole answer, head and body.
    pub(crate) fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        Self::hearing(move |head| answer(head.first().map_or("", String::as_str)))
    }

    /// The same; `answer` is handed the lines of the request's head, the names of headers in lower case.
    pub(crate) fn hearing(answer: impl Fn(&[String]) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(&stream);
                let mut first_line = String::new();
                let mut length = 0;
                let _ = reader.read_line(&mut first_line);
                let mut head = vec![first_line.trim_end().to_owned()];
                for line in reader
                    .by_ref()
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                {
                    let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                    let name = name.to_ascii_lowercase();
                    if name == "content-length" {
                        length = value.trim().parse().unwrap_or(0);
                    }
                    head.push(format!("{name}:{value}"));
                }
                let _ = std::io::copy(&mut reader.take(length), &mut std::io::sink());
                let _ = (&stream).write_all(&answer(&head));
            }
        });
        Self { address }
    }
}
