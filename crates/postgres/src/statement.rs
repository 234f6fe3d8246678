use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{HasSqlType, Untyped},
};

/// A statement written by hand, for what is run again and again: it stays prepared on its connection, which `diesel::sql_query` does not.
///
/// Texts and values follow each other in the order of the statement; results are read by name.
///
/// ```
/// use diesel::sql_types::{BigInt, Text};
/// use zoetrope_postgres::Statement;
///
/// let statement = Statement::new("SELECT name FROM things WHERE kind = ")
///     .bind::<Text, _>("tool")
///     .sql(" LIMIT ")
///     .bind::<BigInt, _>(10);
/// # drop(statement);
/// ```
#[must_use]
pub struct Statement<'a>(Vec<Part<'a>>);

enum Part<'a> {
    Sql(String),
    Value(Box<dyn Value + Send + 'a>),
}

impl<'a> Statement<'a> {
    /// Begins a statement. Its texts must be of a small number, since each of them is kept prepared: values belong into
    /// [`bind`](Self::bind).
    pub fn new(sql: impl Into<String>) -> Self {
        Self(vec![Part::Sql(sql.into())])
    }

    /// Goes on with text.
    pub fn sql(mut self, sql: impl Into<String>) -> Self {
        self.0.push(Part::Sql(sql.into()));
        self
    }

    /// Goes on with a value of an SQL type.
    pub fn bind<ST, T>(mut self, value: T) -> Self
    where
        ST: Send + 'a,
        Pg: HasSqlType<ST>,
        T: ToSql<ST, Pg> + Send + 'a,
    {
        self.0.push(Part::Value(Box::new(Typed(value, std::marker::PhantomData::<ST>))));
        self
    }
}

/// A value whose type is not part of the statement's.
trait Value {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<ST, T>(T, std::marker::PhantomData<ST>);

impl<ST, T> Value for Typed<ST, T>
where
    Pg: HasSqlType<ST>,
    T: ToSql<ST, Pg>,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<ST, T>(&self.0)
    }
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for part in &self.0 {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Value(value) => value.push(&mut out)?,
            }
        }
        Ok(())
    }
}

impl QueryId for Statement<'_> {
    type QueryId = ();

    // Known by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

#[cfg(test)]
mod tests {
    use diesel::{debug_query, sql_types::Text};

    use super::*;

    #[test]
    fn values_are_numbered_in_the_order_of_the_text() {
        let statement = Statement::new("SELECT ").bind::<Text, _>("a").sql(" || ").bind::<Text, _>("b");
        let shown = debug_query::<Pg, _>(&statement).to_string();
        assert!(shown.starts_with("SELECT $1 || $2"), "{shown}");
    }
}
