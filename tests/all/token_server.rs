//! A token endpoint on loopback that does as it is told, and counts what it is given.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What to do with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Spend the token and answer with the next pair; a token that was spent before is refused.
    Rotate,
    /// Answer with this, and spend nothing.
    Say(u16, &'static str),
    /// Spend the token, and close the connection without a word.
    Drop,
    /// Spend the token, and answer once [`TokenServer::release`] is called.
    Hold,
}

#[derive(Default)]
struct State {
    /// One for each request to come; after the last, `Rotate`.
    acts: Vec<Act>,
    /// How often each token was sent.
    spent: HashMap<String, usize>,
    bodies: Vec<String>,
    minted: usize,
    answered: usize,
    is_released: bool,
    /// Connections that are not done with.
    open: usize,
}

/// The server; its threads end with the process.
#[derive(Clone)]
pub(crate) struct TokenServer {
    port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl TokenServer {
    pub(crate) fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = State { acts: acts.into_iter().collect(), ..State::default() };
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, state: Arc::new((Mutex::new(state), Condvar::new())) };
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, stream) = (serving.clone(), stream.unwrap());
                server.state.0.lock().unwrap().open += 1;
                thread::spawn(move || {
                    // Whoever asked may be dead by the time of the answer.
                    drop(server.serve(stream));
                    server.state.0.lock().unwrap().open -= 1;
                    server.state.1.notify_all();
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/oauth/token", self.port)
    }

    /// How often this token was sent.
    pub(crate) fn spends_of(&self, token: &str) -> usize {
        self.state.0.lock().unwrap().spent.get(token).copied().unwrap_or(0)
    }

    pub(crate) fn posts(&self) -> usize {
        self.state.0.lock().unwrap().bodies.len()
    }

    pub(crate) fn last_body(&self) -> String {
        self.state.0.lock().unwrap().bodies.last().cloned().unwrap_or_default()
    }

    /// Waits until so many requests were read.
    pub(crate) fn wait_for_posts(&self, count: usize) {
        let (state, changed) = &*self.state;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.bodies.len() < count).unwrap());
    }

    /// Waits until so many answers were given.
    pub(crate) fn wait_for_answers(&self, count: usize) {
        let (state, changed) = &*self.state;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.answered < count).unwrap());
    }

    /// Waits until all is counted that was sent by now.
    pub(crate) fn wait_until_idle(&self) {
        // Connections are taken in their order: when this one is closed, those before it were taken.
        let mut last = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        last.shutdown(Shutdown::Write).unwrap();
        assert_eq!(last.read(&mut [0]).unwrap(), 0);
        let (state, changed) = &*self.state;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.open > 0).unwrap());
    }

    /// Lets those go that are held.
    pub(crate) fn release(&self) {
        self.state.0.lock().unwrap().is_released = true;
        self.state.1.notify_all();
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let body = read_body(&mut BufReader::new(stream.try_clone()?))?;
        let token = token_in(&body);
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        state.bodies.push(body);
        let act = if state.acts.is_empty() { Act::Rotate } else { state.acts.remove(0) };
        let uses = state.spent.entry(token).or_default();
        *uses += 1;
        let is_reused = *uses > 1;
        changed.notify_all();
        if let Act::Hold = act {
            state = changed.wait_while(state, |state| !state.is_released).unwrap();
        }
        let (status, text) = match act {
            Act::Drop => return Ok(()),
            Act::Say(status, text) => (status, text.to_owned()),
            Act::Rotate | Act::Hold if is_reused => (400, r#"{"error": "invalid_grant"}"#.to_owned()),
            Act::Rotate | Act::Hold => {
                state.minted += 1;
                let n = state.minted;
                (
                    200,
                    format!(
                        r#"{{"access_token": "minted-access-{n}", "refresh_token": "minted-refresh-{n}", "expires_in": 3600}}"#
                    ),
                )
            }
        };
        answer(stream, status, &text)?;
        state.answered += 1;
        changed.notify_all();
        Ok(())
    }
}

fn read_body(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body).unwrap())
}

fn token_in(body: &str) -> String {
    let form = body.split('&').find_map(|field| field.strip_prefix("refresh_token="));
    let json = || {
        let value: serde_json::Value = serde_json::from_str(body).ok()?;
        Some(value["refresh_token"].as_str()?.to_owned())
    };
    form.map(str::to_owned).or_else(json).unwrap_or_default()
}

fn answer(mut stream: TcpStream, status: u16, text: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}
