using Metering.Conformance;

namespace Metering.Engine.Tests;

public sealed class MemoryOperatorStoreTests : OperatorStoreConformance
{
    protected override ValueTask<IDirectoryStore> OpenAsync() => new(new MemoryDirectoryStore());
}

public sealed class SqliteOperatorStoreTests : OperatorStoreConformance
{
    private readonly TempFolder folder = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Remove();
    }

    protected override ValueTask<IDirectoryStore> OpenAsync() => new(SqliteDirectoryStore.Open(folder.File("metering.directory.db")));

    protected override Task? TamperAsync(string sql) => Task.Run(() =>
    {
        using var database = SqliteDatabase.Open(folder.File("metering.directory.db"), writable: true, busyMilliseconds: 1_000);
        database.Execute(sql.Replace("metering.", string.Empty, StringComparison.Ordinal));
    });
}
