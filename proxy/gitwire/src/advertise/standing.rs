//! Where some refs stand, read from a push advertisement.

use std::collections::HashMap;

use super::{Error, Rewriter, Service};
use crate::pktline::{self, Joiner, Line};
use crate::push_request::Command;

/// What an upstream's list of refs says of a command's ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As the command wants it.
    Taken,
    /// As the command found it.
    Untaken,
    /// At something else, or it cannot be told: names outside `refs/heads/` and `refs/tags/` need not be listed.
    Elsewhere,
}

/// Looks up the refs of a push; keeps nothing else of the list.
#[derive(Debug)]
pub struct Lookup {
    rewriter: Rewriter,
    joiner: Joiner,
    failed: bool,
    /// The ids of the names looked for, in hex, as far as they are listed.
    found: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Lookup {
    pub fn new(commands: &[Command]) -> Self {
        let names = commands.iter().map(|command| (command.name.clone(), None));
        Self {
            rewriter: Rewriter::new(Service::ReceivePack),
            joiner: Joiner::default(),
            failed: false,
            found: names.collect(),
        }
    }

    /// Reads the next chunk of the advertisement.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let mut lines = Vec::new();
        self.rewriter.feed(chunk, &mut lines)?;
        let mut rest = lines.as_slice();
        while let Some(line) = self.joiner.next(&mut rest)? {
            let Line::Data(data) = line else { continue };
            let line = pktline::without_line_feed(data);
            self.failed |= line.starts_with(b"ERR ");
            let end = line.iter().position(|byte| *byte == 0);
            let line = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
            let mut parts = line.splitn(2, |byte| *byte == b' ');
            let (id, name) = (
                parts.next().unwrap_or_default(),
                parts.next().unwrap_or_default(),
            );
            if let Some(found) = self.found.get_mut(name) {
                *found = Some(id.to_ascii_lowercase());
            }
        }
        Ok(())
    }

    /// To be called at the end of the advertisement: how each command's ref stands, in the order of the commands.
    pub fn finish(mut self, commands: &[Command]) -> Result<Vec<Standing>, Error> {
        self.rewriter.finish()?;
        if self.failed {
            return Err(Error::Refused);
        }
        Ok(commands.iter().map(|command| self.of(command)).collect())
    }

    fn of(&self, command: &Command) -> Standing {
        let listed = [&b"refs/heads/"[..], b"refs/tags/"];
        let is_listed = listed.iter().any(|start| command.name.starts_with(start));
        let found = self.found.get(&command.name).and_then(Option::as_ref);
        match found {
            Some(id) if *id == command.new.to_string().as_bytes() => Standing::Taken,
            Some(id) if *id == command.old.to_string().as_bytes() => Standing::Untaken,
            Some(_) => Standing::Elsewhere,
            None if !is_listed => Standing::Elsewhere,
            None if command.is_delete() => Standing::Taken,
            None if command.is_create() => Standing::Untaken,
            None => Standing::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectId;

    fn id(digit: u8) -> ObjectId {
        ObjectId::from_hex(&[b'0' + digit; 40]).unwrap()
    }

    fn command(old: u8, new: u8, name: &str) -> Command {
        Command {
            old: id(old),
            new: id(new),
            name: name.into(),
        }
    }

    fn list(refs: &[(u8, &str)]) -> Vec<u8> {
        let mut list = Vec::new();
        pktline::encode(&mut list, b"# service=git-receive-pack\n");
        pktline::flush(&mut list);
        for (index, (at, name)) in refs.iter().enumerate() {
            let capabilities = if index == 0 { "\0report-status" } else { "" };
            pktline::encode(
                &mut list,
                format!("{} {name}{capabilities}\n", id(*at)).as_bytes(),
            );
        }
        pktline::flush(&mut list);
        list
    }

    fn look(list: &[u8], commands: &[Command]) -> Result<Vec<Standing>, Error> {
        let mut lookup = Lookup::new(commands);
        for chunk in list.chunks(7) {
            lookup.feed(chunk)?;
        }
        lookup.finish(commands)
    }

    #[test]
    fn refs_are_found_where_they_stand() {
        let commands = [
            command(0, 1, "refs/heads/created"),
            command(0, 1, "refs/heads/absent"),
            command(1, 2, "refs/heads/updated"),
            command(1, 2, "refs/heads/old"),
            command(1, 2, "refs/heads/other"),
            command(1, 2, "refs/heads/gone"),
            command(1, 0, "refs/tags/deleted"),
            command(1, 0, "refs/tags/kept"),
            command(0, 1, "refs/for/main"),
        ];
        let list = list(&[
            (1, "refs/heads/created"),
            (2, "refs/heads/updated"),
            (1, "refs/heads/old"),
            (3, "refs/heads/other"),
            (1, "refs/tags/kept"),
            (4, "refs/heads/nobody-asked-for"),
        ]);
        use Standing::*;
        assert_eq!(
            look(&list, &commands),
            Ok(vec![
                Taken, Untaken, Taken, Untaken, Elsewhere, Elsewhere, Taken, Untaken, Elsewhere
            ])
        );
    }

    #[test]
    fn an_empty_repository_has_none_of_them() {
        let commands = [command(0, 1, "refs/heads/main")];
        let list = list(&[(0, "capabilities^{}")]);
        assert_eq!(look(&list, &commands), Ok(vec![Standing::Untaken]));
    }

    #[test]
    fn a_list_that_breaks_off_says_nothing() {
        let commands = [command(0, 1, "refs/heads/main")];
        let mut list = list(&[(1, "refs/heads/main"), (1, "refs/heads/next")]);
        assert!(look(&list, &commands).is_ok());
        list.truncate(list.len() - 4);
        assert_eq!(look(&list, &commands), Err(Error::Ended));
        pktline::encode(&mut list, b"ERR gone");
        assert_eq!(look(&list, &commands), Err(Error::Refused));
    }
}
