using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

public sealed class MemoryPaymentStoreTests : PaymentStoreConformance
{
    protected override ValueTask<IPaymentStore> OpenAsync() => new(new MemoryPaymentStore());
}

public sealed class SqlitePaymentStoreTests : PaymentStoreConformance
{
    private readonly TempFolder folder = new();
    private SqliteDirectoryStore directory = null!;

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await directory.DisposeAsync();
        folder.Remove();
    }

    protected override ValueTask<IPaymentStore> OpenAsync()
    {
        directory = SqliteDirectoryStore.Open(folder.File("metering.directory.db"));
        return new(PaymentStores.Beside(directory));
    }

    [Fact]
    public async Task Documents_are_there_when_the_directory_is_opened_again()
    {
        await SaveAsync(Document("lasting", ["key"]));
        await directory.DisposeAsync();
        Store = await OpenAsync();
        Same(Document("lasting", ["key"]) with { Version = 1 }, await Store.FindByKeyAsync("kind", "key"));
    }
}
