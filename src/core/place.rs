//! The order of events: by timestamp, then by event_id.

use super::timestamp::Timestamp;

/// Where an event stands in the order of all: its timestamp and its event_id.
pub type Place<'a> = (Timestamp, &'a str);

/// The same, owned.
pub type OwnedPlace = (Timestamp, String);
