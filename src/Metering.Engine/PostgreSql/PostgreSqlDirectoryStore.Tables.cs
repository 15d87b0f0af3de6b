namespace Metering.Engine;

// The tables of further subjects in the same database.
public sealed partial class PostgreSqlDirectoryStore : IDirectoryTables
{
    IDirectorySql IDirectoryTables.Sql => new PostgreSqlDirectorySql(source);
}
