//! An S3 server for the benches, whose objects are made up from a formula: it holds 10 million keys in little memory.
//!
//!     flashflood-bench-server [--latency MILLISECONDS] STRETCH…
//!
//! It listens on a free port of 127.0.0.1, prints the port, and serves until it is ended. Each stretch is an argument,
//! `journals=525600,every=60,events=60,size=100`: see `stretch.rs`, and `benches/stretches.py` for the same in Python.
//! `GET /_counts` tells what was asked of it, `POST /_counts` begins to count anew.

mod bucket;
mod counts;
mod data;
mod formula;
mod http;
mod ids;
mod listing;
mod manifest;
mod moment;
mod s3;
mod stretch;
mod texts;
mod uploads;

use std::env;
use std::io::{self, BufReader, BufWriter, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use bucket::Bucket;
use counts::Counts;
use formula::Formula;
use http::{Answer, Body, Request};
use stretch::Stretch;

const BUFFER: usize = 1 << 16;
const STACK: usize = 1 << 18;

struct Server {
    bucket: Bucket,
    counts: Counts,
    latency: Duration,
}

impl Server {
    /// Takes the program's arguments; says what is wrong with them.
    fn new(mut arguments: Vec<String>) -> Result<Self, String> {
        let mut latency = Duration::ZERO;
        if arguments.first().is_some_and(|first| first == "--latency") {
            let milliseconds: f64 =
                arguments.get(1).and_then(|text| text.parse().ok()).ok_or("--latency needs a number")?;
            latency = Duration::try_from_secs_f64(milliseconds / 1000.0).map_err(|error| error.to_string())?;
            arguments.drain(..2);
        }
        let stretches: Result<_, _> = arguments.iter().map(|text| Stretch::parse(text)).collect();
        Ok(Self { bucket: Bucket::new(Formula::new(stretches?)?), counts: Counts::default(), latency })
    }

    /// Serves a client until it hangs up.
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut requests = BufReader::with_capacity(BUFFER, client);
        let mut answers = BufWriter::with_capacity(BUFFER, client);
        while let Some(request) = Request::read(&mut requests)? {
            let came = Instant::now();
            if request.path == "/_counts" {
                self.tell_counts(&request).send(&mut answers)?;
                continue;
            }
            let kind = s3::kind_of(&request);
            self.counts.begin(kind);
            let answer = s3::answer(&self.bucket, request, kind);
            thread::sleep(self.latency.saturating_sub(came.elapsed()));
            let sent = answer.send(&mut answers);
            self.counts.end(*sent.as_ref().unwrap_or(&0));
            sent?;
        }
        Ok(())
    }

    fn tell_counts(&self, request: &Request) -> Answer<'_> {
        let found = self.counts.encode();
        if request.method == "POST" {
            self.counts.reset();
        }
        Answer::new("200 OK", Body::Bytes(found))
    }
}

/// Listens, tells the port, and serves each client on a thread of its own.
fn listen(server: &'static Server) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    for client in listener.incoming() {
        let client = client?;
        let serve = move || {
            match server.serve(&client) {
                Err(error) if error.kind() == ErrorKind::InvalidData => eprintln!("{error}"),
                _ => (), // the client has gone
            }
        };
        thread::Builder::new().stack_size(STACK).spawn(serve)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let outcome = match Server::new(env::args().skip(1).collect()) {
        Ok(server) => listen(Box::leak(Box::new(server))).map_err(|error| error.to_string()),
        Err(message) => Err(message),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
