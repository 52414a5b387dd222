//! Statements that belong to an audit record: they are carried out in one transaction with it, or neither is.

use sqlx::sqlite::SqliteConnection;

use super::Error;

/// What a deed changes in the tables. Made by the functions of this module's neighbours, which own the statements.
#[derive(Debug, Clone, Default)]
pub struct Change(Vec<Statement>);

#[derive(Debug, Clone)]
struct Statement {
    text: &'static str,
    values: Vec<Value>,
    /// Rows it must touch; any number where none is named.
    touches: Option<u64>,
}

/// A value of a statement. Nothing in it is shown: names and hashes of people pass here.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Nothing,
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("_")
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// Why a change was not carried out.
#[derive(Debug)]
pub(super) enum Undone {
    /// The tables are no longer as whoever made it saw them.
    Stale,
    Failed(Error),
}

impl From<sqlx::Error> for Undone {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Change {
    /// A deed that changes no table.
    pub fn none() -> Self {
        Self::default()
    }

    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a statement that must touch exactly one row.
    pub(super) fn one<const N: usize>(mut self, text: &'static str, values: [Value; N]) -> Self {
        self.push(text, values, Some(1));
        self
    }

    /// Adds a statement that may touch any number of rows.
    pub(super) fn any<const N: usize>(mut self, text: &'static str, values: [Value; N]) -> Self {
        self.push(text, values, None);
        self
    }

    fn push<const N: usize>(
        &mut self,
        text: &'static str,
        values: [Value; N],
        touches: Option<u64>,
    ) {
        self.0.push(Statement {
            text,
            values: values.into(),
            touches,
        });
    }

    /// What this one does, and then what `other` does.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) async fn carry_out(&self, connection: &mut SqliteConnection) -> Result<(), Undone> {
        for statement in &self.0 {
            let mut query = sqlx::query(statement.text);
            for value in &statement.values {
                query = match value {
                    Value::Text(text) => query.bind(text.as_str()),
                    Value::Number(number) => query.bind(number),
                    Value::Nothing => query.bind(None::<String>),
                };
            }
            let touched = match query.execute(&mut *connection).await {
                Ok(done) => done.rows_affected(),
                // What was to be made is there already, or what it builds on is gone.
                Err(sqlx::Error::Database(error))
                    if error.is_unique_violation() || error.is_foreign_key_violation() =>
                {
                    return Err(Undone::Stale);
                }
                Err(error) => return Err(error.into()),
            };
            if statement
                .touches
                .is_some_and(|expected| expected != touched)
            {
                return Err(Undone::Stale);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl Change {
    /// For tests of who hands changes on: rows of a table that they made themselves.
    pub(crate) fn of_test(text: &'static str, touches: Option<u64>) -> Self {
        let mut change = Self::none();
        change.push(text, [], touches);
        change
    }
}
