//! The fast path: a hand-written HTTP/1.1 server for requests without a body.
//!
//! A [`RequestHandler`] serves most requests from its cache alone, straight from the bytes in the
//! read buffer, and the others asynchronously, from an [`http::Request`]. A connection with a
//! request that the fast path does not support is served by hyper from then on.

mod connection;
mod date;
mod encode;
mod handler;
mod parse;

pub(in crate::server) use self::{
    connection::Http1Connection,
    handler::{HandlerResponse, RequestHandler},
    parse::RequestHead,
};
