namespace Metering.Engine;

/// <summary>
/// The tables of further subjects where the directory is in memory: a SQLite database without a file, so that tests and trials run the statements
/// that files do. Made at its first use.
/// </summary>
internal sealed class MemoryDirectorySql : ISqliteCaller, IDisposable
{
    private readonly Lock gate = new();
    private SqliteDatabase? database;
    private bool disposed;

    public MemoryDirectorySql() => Sql = new SqliteDirectorySql(this);

    public IDirectorySql Sql { get; }

    public ValueTask<T> Call<T>(Func<SqliteDatabase, T> run, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        lock (gate)
        {
            try
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                return new(run(database ??= Open()));
            }
            catch (Exception error)
            {
                return ValueTask.FromException<T>(error);
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            database?.Dispose();
        }
    }

    private static SqliteDatabase Open()
    {
        var database = SqliteDatabase.Open(":memory:", writable: true, busyMilliseconds: 0);
        database.Execute(OperatorSchema.Tables);
        return database;
    }
}
