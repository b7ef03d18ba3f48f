use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Version};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::io::poll_read_buf;

use crate::{
    forwarded::Peer,
    server::{
        auth::{
            Answer, Auth,
            clock::Clock,
            head::{Head, Reading, Room},
            serve_with_hyper,
            wire::{
                self,
                Afterwards::{Closed, Open},
            },
        },
        connection::{Connection, Stream},
        pace::Order,
    },
    token::CacheStatus,
};

/// How much room there is for what comes in, to begin with, and to grow by.
const ROOM: usize = 4 * 1024;

/// The largest head of a plain request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// In how many pieces the head of a plain request may come in; with each, it is read anew.
const MAX_PIECES: usize = 16;

/// How much is said before it is sent, in bytes, give or take one answer.
const MAX_SAID: usize = 64 * 1024;

/// What is said on one connection.
pub(in crate::server) struct Conversation {
    auth: Arc<Auth>,
    peer: Peer,
    /// What came in, and is not answered.
    heard: Vec<u8>,
    /// In how many pieces it came in.
    pieces: usize,
    /// The answers that are not sent.
    said: Vec<u8>,
    stage: Stage,
    clock: Clock,
}

/// How far a conversation has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It may yet be one in HTTP/2.
    Fresh,
    /// It is one in HTTP/1.
    Begun,
}

/// What is to be done where memory has no more answers.
enum Next {
    /// Send what was said, and see what else came in.
    Send,
    /// Wait for the rest of a request, or for the next one.
    Listen,
    /// Answer this one the long way.
    Respond(Box<Request<()>>),
    /// Leave what came in, and all that follows, to hyper.
    GiveUp,
}

impl Conversation {
    /// With this peer, who has said nothing yet.
    pub(in crate::server) fn new(auth: Arc<Auth>, peer: Peer) -> Self {
        Self {
            auth,
            peer,
            heard: Vec::with_capacity(ROOM),
            pieces: 0,
            said: Vec::new(),
            stage: Stage::Fresh,
            clock: Clock::default(),
        }
    }

    /// Answers what comes in, until the connection ends. Once the service stops, hyper has the
    /// last word: what came in and is not answered is handed to it.
    pub(super) async fn hold<I: Stream>(mut self, mut connection: Connection<I>) {
        while !connection.pace.is_finishing() {
            let next = self.answer_from_memory();
            if !self.send(&mut connection).await {
                return;
            }
            match next {
                Next::Send => {}
                Next::Listen => {
                    if !self.listen(&mut connection).await {
                        return;
                    }
                }
                Next::Respond(request) => {
                    let answering = connection.pace.answer(Version::HTTP_11);
                    let answer = self.respond(&request).await;
                    drop(answering);
                    let afterwards = if connection.pace.is_finishing() { Closed } else { Open };
                    wire::write(&answer, afterwards, &mut self.clock, &mut self.said);
                    if afterwards == Closed {
                        self.send(&mut connection).await;
                        // The peer may be gone already.
                        let _ = connection.stream.shutdown().await;
                        return;
                    }
                }
                Next::GiveUp => break,
            }
        }
        self.give_up(connection).await;
    }

    /// Leaves the rest to hyper.
    fn give_up<I: Stream>(self, mut connection: Connection<I>) -> BoxFuture<'static, ()> {
        connection.stream.unread(self.heard);
        if self.stage == Stage::Begun {
            connection = connection.in_http1();
        }
        serve_with_hyper(self.auth, self.peer, connection)
    }

    /// What is answered to these bytes of a peer's. For the benchmarks, which have no connection.
    pub(in crate::server) async fn answer(&mut self, bytes: &[u8]) -> &[u8] {
        self.said.clear();
        self.heard.extend_from_slice(bytes);
        while let Next::Respond(request) = self.answer_from_memory() {
            let answer = self.respond(&request).await;
            wire::write(&answer, Open, &mut self.clock, &mut self.said);
        }
        &self.said
    }

    /// Answers the requests that memory has the answer to, up to the first that it has not.
    fn answer_from_memory(&mut self) -> Next {
        let mut answered = 0;
        let next = loop {
            // Empty lines before a request mean nothing (RFC 9112, 2.2).
            answered +=
                self.heard[answered..].iter().take_while(|byte| is_line_end(**byte)).count();
            let rest = &self.heard[answered..];
            if rest.is_empty() {
                break Next::Listen;
            }
            if self.said.len() > MAX_SAID {
                break Next::Send;
            }
            let mut room = Room::new();
            let head = match Head::read(rest, &mut room) {
                Reading::Plain(head) => head,
                Reading::Unfinished if self.pieces < MAX_PIECES && rest.len() < MAX_HEAD => {
                    break Next::Listen;
                }
                Reading::Unfinished | Reading::Special => break Next::GiveUp,
            };
            if let Some(entry) = self.auth.grant_from_memory(self.peer, &head) {
                let hit = Answer::Grant(entry, CacheStatus::Hit);
                wire::write(&hit, Open, &mut self.clock, &mut self.said);
                answered += head.length;
            } else if let Some(request) = head.request() {
                answered += head.length;
                break Next::Respond(Box::new(request));
            } else {
                break Next::GiveUp;
            }
        };
        if answered > 0 {
            self.heard.drain(..answered);
            self.pieces = 0;
            self.stage = Stage::Begun;
        }
        next
    }

    /// In a box, since most connections hardly ever have one of these under way.
    fn respond<'r>(&'r self, request: &'r Request<()>) -> BoxFuture<'r, Answer> {
        self.auth.respond(self.peer, request).boxed()
    }

    /// Waits for more, or for the end of the service. `false` if the connection ends.
    async fn listen<I: Stream>(&mut self, connection: &mut Connection<I>) -> bool {
        if self.heard.capacity() - self.heard.len() < ROOM / 4 {
            self.heard.reserve(ROOM);
        }
        self.pieces += 1;
        poll_fn(|cx| {
            let stream = Pin::new(&mut connection.stream);
            match poll_read_buf(stream, cx, &mut self.heard) {
                Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
                Poll::Pending => match connection.pace.order(cx) {
                    Order::Leave => Poll::Ready(false),
                    Order::Finish => Poll::Ready(true),
                    Order::Stay => Poll::Pending,
                },
            }
        })
        .await
    }

    /// Sends the answers. `false` if they cannot be.
    async fn send<I: Stream>(&mut self, connection: &mut Connection<I>) -> bool {
        if self.said.is_empty() {
            return true;
        }
        connection.pace.answered();
        let mut sent = 0;
        let whole = poll_fn(|cx| {
            while sent < self.said.len() {
                let stream = Pin::new(&mut connection.stream);
                match stream.poll_write(cx, &self.said[sent..]) {
                    Poll::Ready(Ok(written @ 1..)) => sent += written,
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending if connection.pace.order(cx) == Order::Leave => {
                        return Poll::Ready(false);
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(true)
        });
        let whole = whole.await;
        if !self.heard.is_empty() {
            connection.pace.bytes_came_in();
        }
        self.said.clear();
        self.said.shrink_to(MAX_SAID);
        whole
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}
