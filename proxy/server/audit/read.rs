//! Reads records back for people.

use std::sync::Arc;

use super::Error;
use super::record::{Leaf, Payload, Record};
use crate::store::{Records, Row};

/// The newest records, oldest of them first.
pub async fn newest(records: &Records, limit: u32) -> Result<Vec<Record>, Error> {
    let mut snapshot = records.snapshot().await.map_err(read)?;
    parsed(snapshot.newest(limit).await.map_err(read)?)
}

/// The newest records of one push, oldest of them first.
pub async fn of_push(records: &Records, push: &str, limit: u32) -> Result<Vec<Record>, Error> {
    let mut snapshot = records.snapshot().await.map_err(read)?;
    parsed(snapshot.of_push(push, limit).await.map_err(read)?)
}

fn read(error: crate::store::Error) -> Error {
    Error::Read(Arc::new(error))
}

fn parsed(rows: Vec<Row>) -> Result<Vec<Record>, Error> {
    rows.into_iter().rev().map(record).collect()
}

fn record(row: Row) -> Result<Record, Error> {
    let damaged = |what| Error::Damaged {
        seq: row.seq.unwrap_or(0),
        what,
    };
    let leaf = row
        .leaf
        .as_deref()
        .and_then(|text| serde_json::from_str::<Leaf>(text).ok());
    let leaf = leaf.ok_or_else(|| damaged("its leaf cannot be read"))?;
    let payload = match &row.payload {
        None => None,
        Some(text) => Some(
            serde_json::from_str::<Payload>(text)
                .map_err(|_| damaged("its payload cannot be read"))?,
        ),
    };
    Ok(Record { leaf, payload })
}
