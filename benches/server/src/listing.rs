//! Pages of keys: ListObjectsV2, and the first version for FlashFlood 0.4.3.

use crate::bucket::{Bucket, Object};
use crate::http::Request;
use crate::s3::push_etag;
use crate::texts::{decoded, push_decimal, push_encoded, push_escaped};

const MOST: usize = 1000;
/// About how many bytes of a page an object takes.
const OF_OBJECT: usize = 400;

type Push = fn(&mut Vec<u8>, &[u8]);

struct Asked<'a> {
    is_second: bool,
    is_encoded: bool,
    prefix: &'a [u8],
    after: Vec<u8>,
    most: usize,
}

impl<'a> Asked<'a> {
    /// Reads a request. A continuation token is the last key of the page before, percent-encoded.
    fn new(request: &'a Request) -> Self {
        let asked = |name: &str| request.parameter(name).unwrap_or_default();
        let is_second = asked("list-type") == "2";
        let after = match (is_second, asked("continuation-token")) {
            (false, _) => asked("marker").as_bytes().to_owned(),
            (true, "") => asked("start-after").as_bytes().to_owned(),
            (true, token) => decoded(token),
        };
        let most = asked("max-keys").parse().map_or(MOST, |most: usize| most.min(MOST));
        Self { is_second, is_encoded: asked("encoding-type") == "url", prefix: asked("prefix").as_bytes(), after, most }
    }
}

/// One page, as XML.
pub fn page(bucket: &Bucket, request: &Request) -> Vec<u8> {
    let asked = Asked::new(request);
    let push: Push = if asked.is_encoded { push_encoded } else { push_escaped };
    let mut xml = b"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_vec();
    xml.reserve(asked.most * OF_OBJECT);
    let (mut count, mut last) = (0, Vec::new());
    let more = bucket.list(asked.prefix, &asked.after, asked.most, |key, object| {
        push_object(&mut xml, key, object, push);
        count += 1;
        last.clear();
        last.extend_from_slice(key);
    });
    push_text(&mut xml, "Prefix", asked.prefix, push);
    push_text(&mut xml, "MaxKeys", asked.most.to_string().as_bytes(), push);
    push_text(&mut xml, "IsTruncated", if more { b"true" } else { b"false" }, push);
    if asked.is_encoded {
        push_text(&mut xml, "EncodingType", b"url", push);
    }
    if asked.is_second {
        push_text(&mut xml, "KeyCount", count.to_string().as_bytes(), push);
    } else {
        push_text(&mut xml, "Marker", &asked.after, push);
    }
    if asked.is_second && more {
        push_text(&mut xml, "NextContinuationToken", &last, push_encoded);
    }
    xml.extend_from_slice(b"</ListBucketResult>");
    xml
}

fn push_object(xml: &mut Vec<u8>, key: &[u8], object: &Object<'_>, push: Push) {
    xml.extend_from_slice(b"<Contents><Key>");
    push(xml, key);
    xml.extend_from_slice(b"</Key><LastModified>");
    object.modified().push_iso(xml);
    xml.extend_from_slice(b"</LastModified><ETag>");
    push_etag(xml, object);
    xml.extend_from_slice(b"</ETag><Size>");
    push_decimal(xml, object.size());
    xml.extend_from_slice(b"</Size><StorageClass>STANDARD</StorageClass></Contents>");
}

fn push_text(xml: &mut Vec<u8>, name: &str, text: &[u8], push: Push) {
    for piece in [b"<", name.as_bytes(), b">"] {
        xml.extend_from_slice(piece);
    }
    push(xml, text);
    for piece in [b"</", name.as_bytes(), b">"] {
        xml.extend_from_slice(piece);
    }
}
