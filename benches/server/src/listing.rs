//! Pages of keys: ListObjectsV2, and the first version for FlashFlood 0.4.3.

use crate::bucket::{Bucket, Object};
use crate::http::Request;
use crate::s3::push_etag;
use crate::texts::{decoded, push_decimal, push_encoded, push_escaped};

const MOST: usize = 1000;

type Push = fn(&mut Vec<u8>, &[u8]);

/// One page, as XML. A continuation token is the last key of the page before, percent-encoded.
pub fn page(bucket: &Bucket, request: &Request) -> Vec<u8> {
    let asked = |name: &str| request.parameter(name).unwrap_or_default();
    let is_second = asked("list-type") == "2";
    let push: Push = if asked("encoding-type") == "url" { push_encoded } else { push_escaped };
    let prefix = asked("prefix").as_bytes();
    let after = match (is_second, asked("continuation-token")) {
        (false, _) => asked("marker").as_bytes().to_owned(),
        (true, "") => asked("start-after").as_bytes().to_owned(),
        (true, token) => decoded(token),
    };
    let most = asked("max-keys").parse().map_or(MOST, |most: usize| most.min(MOST));

    let mut xml = b"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_vec();
    xml.reserve(most * 400);
    let (mut count, mut last) = (0, Vec::new());
    let more = bucket.list(prefix, &after, most, |key, object| {
        push_object(&mut xml, key, object, push);
        count += 1;
        last.clear();
        last.extend_from_slice(key);
    });
    push_text(&mut xml, "Prefix", prefix, push);
    push_text(&mut xml, "MaxKeys", most.to_string().as_bytes(), push);
    push_text(&mut xml, "IsTruncated", if more { b"true" } else { b"false" }, push);
    if is_second {
        push_text(&mut xml, "KeyCount", count.to_string().as_bytes(), push);
    } else {
        push_text(&mut xml, "Marker", &after, push);
    }
    if more && is_second {
        push_text(&mut xml, "NextContinuationToken", &last, push_encoded);
    }
    if asked("encoding-type") == "url" {
        push_text(&mut xml, "EncodingType", b"url", push);
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
