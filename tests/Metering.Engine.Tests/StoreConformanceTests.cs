using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

public sealed class MemoryLedgerStoreTests : LedgerStoreConformance
{
    protected override ValueTask<ILedgerStore> OpenAsync() => new(new MemoryLedgerStore());
}

public sealed class MemoryDirectoryStoreTests : DirectoryStoreConformance
{
    protected override ValueTask<IDirectoryStore> OpenAsync() => new(new MemoryDirectoryStore());
}

public sealed class SqliteLedgerStoreTests : DurableLedgerStoreConformance
{
    private readonly TempFolder folder = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Remove();
    }

    protected override ValueTask<ILedgerStore> OpenAsync() => new(SqliteLedgerStore.Open(folder.File("metering.db")));

    protected override ValueTask<ILedgerStore> ReopenAsync() => OpenAsync();
}

public sealed class SqliteDirectoryStoreTests : DirectoryStoreConformance
{
    private readonly TempFolder folder = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Remove();
    }

    protected override ValueTask<IDirectoryStore> OpenAsync() => new(SqliteDirectoryStore.Open(folder.File("metering.directory.db")));

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
