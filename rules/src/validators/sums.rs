//! The vendors' sums for whoever makes up tokens that pass: the templates of examples.

pub(crate) use super::atlassian::checksum as atlassian;
pub(crate) use super::azure::{client_secret_sum as entra, seed as azure_seed, sum as azure};
pub(crate) use super::base58::encode as base58;
pub(crate) use super::bech32::encode as bech32;
pub(crate) use super::crc::{base36, base62, hex};
pub(crate) use super::grafana::checksum as grafana;
pub(crate) use super::stellar::encode as stellar;
