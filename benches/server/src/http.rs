//! Requests and answers, as HTTP/1.1 has them.

use std::io::{self, BufRead, BufReader, BufWriter, Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bucket::Object;
use crate::moment::Moment;
use crate::texts::{decoded, push_decimal, push_hex};

const LONGEST_LINE: u64 = 1 << 16;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// GET, PUT, …
    pub method: String,
    /// What it is for, as it was sent: without the query.
    pub path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection; None: the client has hung up.
    pub fn read(connection: &mut BufReader<&TcpStream>) -> io::Result<Option<Self>> {
        let Some(line) = read_line(connection)? else { return Ok(None) };
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(malformed(&line)) };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.split('&').map(parameter).collect(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        while let Some(line) = read_line(connection)?.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        request.read_body(connection)?;
        Ok(Some(request))
    }

    fn read_body(&mut self, connection: &mut BufReader<&TcpStream>) -> io::Result<()> {
        if self.header("expect").is_some() {
            connection.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = self.header("content-length").unwrap_or("0").parse();
        self.body = vec![0; length.map_err(|_| malformed("Content-Length"))?];
        connection.read_exact(&mut self.body)
    }

    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The headers whose names begin so, in lower case: the names' rest, and the values.
    pub fn headers_under(&self, prefix: &str) -> Vec<(String, String)> {
        let named = self.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
        named.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

fn read_line(connection: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    connection.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\r\n").ok_or_else(|| malformed(&String::from_utf8_lossy(&line)))?;
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn parameter(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let read = |text: &str| String::from_utf8_lossy(&decoded(&text.replace('+', " "))).into_owned();
    (read(name), read(value))
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("malformed request: {what}"))
}

/// What follows an answer's head.
#[derive(Debug)]
pub enum Body<'a> {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A part of an object.
    Part(Object<'a>, Range<u64>),
    /// Nothing: the head tells how much there would be.
    Untold(u64),
}

impl Body<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part(_, part) => part.end - part.start,
            Self::Untold(len) => *len,
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The status, with its reason.
    pub status: &'static str,
    /// Header lines, but for those that each answer has.
    pub headers: Vec<u8>,
    /// What follows.
    pub body: Body<'a>,
}

impl<'a> Answer<'a> {
    /// An answer without further headers.
    pub fn new(status: &'static str, body: Body<'a>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// Adds a header line.
    pub fn with(mut self, name: &str, push: impl FnOnce(&mut Vec<u8>)) -> Self {
        self.headers.extend_from_slice(name.as_bytes());
        self.headers.extend_from_slice(b": ");
        push(&mut self.headers);
        self.headers.extend_from_slice(b"\r\n");
        self
    }

    /// Sends it; gives how many bytes that takes.
    pub fn send(mut self, connection: &mut BufWriter<&TcpStream>) -> io::Result<u64> {
        static SENT: AtomicU64 = AtomicU64::new(0);
        let length = self.body.len();
        self = self.with("Date", |out| Moment::now().push_http(out));
        self = self.with("Content-Length", |out| push_decimal(out, length));
        self = self.with("x-amz-request-id", |out| push_hex(out, SENT.fetch_add(1, Ordering::Relaxed), 16));
        for piece in [b"HTTP/1.1 ", self.status.as_bytes(), b"\r\n", &self.headers, b"\r\n"] {
            connection.write_all(piece)?;
        }
        let head = 13 + self.status.len() + self.headers.len();
        let head = head as u64;
        let sent = match self.body {
            Body::Bytes(bytes) => connection.write_all(&bytes).map(|()| head + length)?,
            Body::Part(object, part) => object.write(part, connection).map(|()| head + length)?,
            Body::Untold(_) => head,
        };
        connection.flush()?;
        Ok(sent)
    }
}
