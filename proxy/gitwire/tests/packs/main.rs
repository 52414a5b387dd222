//! Packs against real git, and packs no git would write.

#[cfg(test)]
mod crafted;
#[cfg(test)]
mod history;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod large;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod sink;
#[cfg(test)]
mod thin;
