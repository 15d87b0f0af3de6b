using Metering.Conformance;
using Metering.Engine;
using Xunit;

namespace Metering.PostgreSql.Tests;

public sealed class PostgreSqlLedgerStoreTests : DurableLedgerStoreConformance
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

    protected override ValueTask<ILedgerStore> OpenAsync() => new(database.OpenLedger());

    protected override ValueTask<ILedgerStore> ReopenAsync() => OpenAsync();
}

public sealed class PostgreSqlDirectoryStoreTests : DirectoryStoreConformance
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

    [Fact]
    public async Task Everything_is_there_when_the_store_is_opened_again()
    {
        var (profile, key) = (FullProfile("lasting"), Key(1, "lasting"));
        await Store.TryAddProfileAsync(profile);
        await Store.AddKeyAsync(key);
        await Store.DisposeAsync();
        Store = await OpenAsync();
        Assert.Equal(profile, await Store.FindProfileAsync(profile.Account));
        AssertKeys([key], await Store.ListKeysAsync(key.Account));
    }
}
