//! What S3 does, as far as FlashFlood and boto3 ask for it: one bucket, by path, whatever its name; no signature is
//! looked at.

use std::ops::Range;

use crate::bucket::{Bucket, Object};
use crate::counts::Kind;
use crate::http::{Answer, Body, Request};
use crate::listing;
use crate::texts::{decoded, push_decimal, push_escaped, push_hex, unescaped};
use crate::uploads::Metadata;

const OK: &str = "200 OK";
const METADATA: &str = "x-amz-meta-";

/// Why a request is refused.
#[derive(Debug)]
struct Refusal {
    status: &'static str,
    code: &'static str,
    message: &'static str,
}

const NO_SUCH_KEY: Refusal = Refusal { status: "404 Not Found", code: "NoSuchKey", message: "There is no such key." };
const NO_SUCH_UPLOAD: Refusal =
    Refusal { status: "404 Not Found", code: "NoSuchUpload", message: "There is no such upload." };
const IS_THERE: Refusal =
    Refusal { status: "412 Precondition Failed", code: "PreconditionFailed", message: "The key is there." };
const BEYOND: Refusal =
    Refusal { status: "416 Range Not Satisfiable", code: "InvalidRange", message: "The object ends before the range." };
const MALFORMED: Refusal =
    Refusal { status: "400 Bad Request", code: "MalformedXML", message: "The body is not what it should be." };
const UNKNOWN: Refusal = Refusal {
    status: "501 Not Implemented",
    code: "NotImplemented",
    message: "This server does not know this request.",
};

type Outcome<'a> = Result<Answer<'a>, Refusal>;

/// What a request asks for.
pub fn kind_of(request: &Request) -> Kind {
    let has = |name| request.parameter(name).is_some();
    match (request.method.as_str(), key_of(request).is_empty()) {
        ("GET", true) if !has("location") && !has("delimiter") => Kind::List,
        ("GET", false) => Kind::Get,
        ("HEAD", _) => Kind::Head,
        ("PUT", false) if has("tagging") => Kind::Tag,
        ("PUT", false) if request.header("x-amz-copy-source").is_none() => Kind::Put,
        ("POST", false) if has("uploads") || has("uploadId") => Kind::Put,
        ("DELETE", false) => Kind::Delete,
        ("POST", true) if has("delete") => Kind::DeleteMany,
        _ => Kind::Other,
    }
}

/// Does what a request asks for.
pub fn answer<'a>(bucket: &'a Bucket, request: Request, kind: Kind) -> Answer<'a> {
    let key = key_of(&request);
    let outcome = match kind {
        Kind::List => Ok(xml(listing::page(bucket, &request))),
        Kind::Get => get(bucket, &key, &request),
        Kind::Head => head(bucket, &key),
        Kind::Put => write(bucket, &key, request),
        Kind::Delete => Ok(delete(bucket, &key, &request)),
        Kind::DeleteMany => delete_many(bucket, &request.body),
        Kind::Tag => bucket.get(&key).map(|_| Answer::new(OK, Body::Untold(0))).ok_or(NO_SUCH_KEY),
        Kind::Other => Err(UNKNOWN),
    };
    outcome.unwrap_or_else(|refusal| refused(&refusal, &key, kind))
}

/// The key that a request is about; empty: it is about the bucket.
fn key_of(request: &Request) -> Vec<u8> {
    let path = request.path.trim_start_matches('/');
    decoded(path.split_once('/').map_or("", |(_, key)| key))
}

fn get<'a>(bucket: &'a Bucket, key: &[u8], request: &Request) -> Outcome<'a> {
    let object = bucket.get(key).ok_or(NO_SUCH_KEY)?;
    let size = object.size();
    let Some(asked) = request.header("range").and_then(|text| range(text, size)) else {
        return Ok(described(Answer::new(OK, Body::Part(object.clone(), 0..size)), &object));
    };
    if asked.is_empty() {
        return Err(BEYOND);
    }
    let answer = Answer::new("206 Partial Content", Body::Part(object.clone(), asked.clone()));
    let answer = answer.with("Content-Range", |out| {
        out.extend_from_slice(b"bytes ");
        push_decimal(out, asked.start);
        out.push(b'-');
        push_decimal(out, asked.end - 1);
        out.push(b'/');
        push_decimal(out, size);
    });
    Ok(described(answer, &object))
}

/// The bytes that a Range header asks for, of an object of some size: none, if it ends before. None: it is no range.
fn range(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        return Some(size.saturating_sub(last.parse().ok()?)..size);
    }
    let start: u64 = first.parse().ok()?;
    let stop = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1).min(size) };
    Some(start..stop)
}

fn head<'a>(bucket: &'a Bucket, key: &[u8]) -> Outcome<'a> {
    if key.is_empty() {
        return Ok(Answer::new(OK, Body::Untold(0)));
    }
    let object = bucket.get(key).ok_or(NO_SUCH_KEY)?;
    Ok(described(Answer::new(OK, Body::Untold(object.size())), &object))
}

fn described<'a>(answer: Answer<'a>, object: &Object<'_>) -> Answer<'a> {
    let mut answer = answer
        .with("Content-Type", |out| out.extend_from_slice(b"binary/octet-stream"))
        .with("Accept-Ranges", |out| out.extend_from_slice(b"bytes"))
        .with("Last-Modified", |out| object.modified().push_http(out))
        .with("ETag", |out| push_etag(out, object));
    object.each_metadata(|name, value| {
        answer.headers.extend_from_slice(METADATA.as_bytes());
        for piece in [name, b": ", value, b"\r\n"] {
            answer.headers.extend_from_slice(piece);
        }
    });
    answer
}

/// Appends an object's ETag, in quotes.
pub fn push_etag(out: &mut Vec<u8>, object: &Object<'_>) {
    out.push(b'"');
    push_hex(out, object.etag(), 32);
    out.push(b'"');
}

/// Writes an object, or does one of the steps of an upload in parts.
fn write<'a>(bucket: &'a Bucket, key: &[u8], request: Request) -> Outcome<'a> {
    // Botocore sends such bodies over TLS alone.
    let is_chunked = request.header("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"));
    if is_chunked || request.header("transfer-encoding").is_some() {
        return Err(UNKNOWN);
    }
    let only_if_free = request.header("if-none-match") == Some("*");
    let metadata = request.headers_under(METADATA);
    match (request.method.as_str(), request.parameter("uploadId")) {
        ("PUT", None) => put(bucket, key, request.body, metadata, only_if_free),
        (_, None) => Ok(xml(named("InitiateMultipartUploadResult", "UploadId", &bucket.uploads.begin(metadata)))),
        ("PUT", Some(id)) => {
            let id = id.to_owned();
            let number = request.parameter("partNumber").and_then(|text| text.parse().ok()).ok_or(UNKNOWN)?;
            bucket.uploads.add(&id, number, request.body).ok_or(NO_SUCH_UPLOAD)?;
            Ok(Answer::new(OK, Body::Untold(0)).with("ETag", |out| push_hex(out, number.into(), 32)))
        }
        (_, Some(id)) => {
            let (body, metadata) = bucket.uploads.end(id).ok_or(NO_SUCH_UPLOAD)?;
            put(bucket, key, body, metadata, only_if_free)?;
            Ok(xml(named("CompleteMultipartUploadResult", "Key", &String::from_utf8_lossy(key))))
        }
    }
}

fn put<'a>(bucket: &'a Bucket, key: &[u8], body: Vec<u8>, metadata: Metadata, only_if_free: bool) -> Outcome<'a> {
    let object = bucket.put(key, body, metadata, only_if_free).ok_or(IS_THERE)?;
    Ok(Answer::new(OK, Body::Untold(0)).with("ETag", |out| push_etag(out, &object)))
}

/// Deletes an object, or gives an upload in parts up.
fn delete<'a>(bucket: &'a Bucket, key: &[u8], request: &Request) -> Answer<'a> {
    match request.parameter("uploadId") {
        Some(id) => drop(bucket.uploads.end(id)),
        None => bucket.delete(key),
    }
    Answer::new("204 No Content", Body::Untold(0))
}

fn delete_many<'a>(bucket: &'a Bucket, body: &[u8]) -> Outcome<'a> {
    let body = std::str::from_utf8(body).map_err(|_| MALFORMED)?;
    let keys: Option<Vec<String>> =
        body.split("<Key>").skip(1).map(|rest| unescaped(rest.split_once("</Key>")?.0)).collect();
    let mut found = b"<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_vec();
    for key in keys.ok_or(MALFORMED)? {
        bucket.delete(key.as_bytes());
        if !body.contains("<Quiet>true</Quiet>") {
            found.extend_from_slice(b"<Deleted><Key>");
            push_escaped(&mut found, key.as_bytes());
            found.extend_from_slice(b"</Key></Deleted>");
        }
    }
    found.extend_from_slice(b"</DeleteResult>");
    Ok(xml(found))
}

/// An element with a text in another one.
fn named(outer: &str, inner: &str, text: &str) -> Vec<u8> {
    let mut content = format!("<{outer}><{inner}>").into_bytes();
    push_escaped(&mut content, text.as_bytes());
    content.extend_from_slice(format!("</{inner}></{outer}>").as_bytes());
    content
}

fn xml(content: Vec<u8>) -> Answer<'static> {
    let mut body = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
    body.extend_from_slice(&content);
    Answer::new(OK, Body::Bytes(body)).with("Content-Type", |out| out.extend_from_slice(b"application/xml"))
}

fn refused(refusal: &Refusal, key: &[u8], kind: Kind) -> Answer<'static> {
    let mut content = b"<Error>".to_vec();
    for (name, text) in [("Code", refusal.code.as_bytes()), ("Message", refusal.message.as_bytes()), ("Key", key)] {
        content.extend_from_slice(format!("<{name}>").as_bytes());
        push_escaped(&mut content, text);
        content.extend_from_slice(format!("</{name}>").as_bytes());
    }
    content.extend_from_slice(b"</Error>");
    let mut answer = xml(content);
    answer.status = refusal.status;
    if kind == Kind::Head {
        answer.body = Body::Untold(0);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_object() {
        assert_eq!(range("bytes=2-4", 10), Some(2..5));
        assert_eq!(range("bytes=2-", 10), Some(2..10));
        assert_eq!(range("bytes=2-40", 10), Some(2..10));
        assert_eq!(range("bytes=-3", 10), Some(7..10));
        assert_eq!(range("bytes=-30", 10), Some(0..10));
        assert!(range("bytes=10-", 10).is_some_and(|range| range.is_empty()));
        assert!(range("bytes=0-0", 0).is_some_and(|range| range.is_empty()));
        assert_eq!(range("lines=1-2", 10), None);
    }
}
