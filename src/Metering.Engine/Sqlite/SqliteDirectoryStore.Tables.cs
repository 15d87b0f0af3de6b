namespace Metering.Engine;

// The tables of further subjects in the same file, on the same connection.
public sealed partial class SqliteDirectoryStore : ISqliteCaller, IDirectoryTables
{
    private SqliteDirectorySql? sql;

    IDirectorySql IDirectoryTables.Sql
    {
        get
        {
            lock (gate)
            {
                return sql ??= new(this);
            }
        }
    }

    ValueTask<T> ISqliteCaller.Call<T>(Func<SqliteDatabase, T> run, CancellationToken cancellationToken) => Call(() => run(file.Writer), cancellationToken);
}
