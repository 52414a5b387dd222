//! What a newcomer sees first: a forge of one's own, and a proxy in front of it.

pub mod forge;
