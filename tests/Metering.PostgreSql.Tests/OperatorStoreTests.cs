using Metering.Conformance;
using Metering.Engine;

namespace Metering.PostgreSql.Tests;

public sealed class PostgreSqlOperatorStoreTests : OperatorStoreConformance
{
    private Database database = null!;

    public override async Task InitializeAsync()
    {
        database = await Databases.CreateAsync();
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await database.DisposeAsync();
    }

    protected override ValueTask<IDirectoryStore> OpenAsync() => new(database.OpenDirectory());

    protected override Task? TamperAsync(string sql) => database.ExecuteAsync(sql);
}
