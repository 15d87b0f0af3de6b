using Metering.Conformance;
using Metering.Engine;
using Xunit;

namespace Metering.PostgreSql.Tests;

public sealed class PostgreSqlPaymentStoreTests : PaymentStoreConformance
{
    private Database database = null!;
    private PostgreSqlDirectoryStore directory = null!;

    public override async Task InitializeAsync()
    {
        database = await Databases.CreateAsync();
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await directory.DisposeAsync();
        await database.DisposeAsync();
    }

    protected override ValueTask<IPaymentStore> OpenAsync()
    {
        directory = database.OpenDirectory();
        return new(PaymentStores.Beside(directory));
    }

    [Fact]
    public async Task Of_two_processes_that_save_one_version_one_succeeds()
    {
        await using var other = database.OpenDirectory();
        var beside = PaymentStores.Beside(other);
        Assert.True(await SaveAsync(Document("a")));
        Assert.True(await beside.SaveAsync([new(Document("a") with { Version = 1 })]));
        Assert.False(await SaveAsync(Document("a") with { Version = 1 }));
    }
}
