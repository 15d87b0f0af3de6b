using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>Every promise of <see cref="IPaymentStore"/>. A store joins by deriving from it.</summary>
public abstract class PaymentStoreConformance : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 2, 28, 23, 59, 59, 123, TimeSpan.Zero);

    /// <summary>The store under test, empty at first.</summary>
    protected IPaymentStore Store { get; set; } = null!;

    /// <summary>Opens an empty store.</summary>
    protected abstract ValueTask<IPaymentStore> OpenAsync();

    /// <inheritdoc />
    public virtual async Task InitializeAsync() => Store = await OpenAsync();

    /// <inheritdoc />
    public virtual async Task DisposeAsync() => await Store.DisposeAsync();

    [Fact]
    public async Task A_document_comes_back_as_it_was_saved_one_version_on()
    {
        var document = Document("a", ["k1", "k2"], Now);
        Assert.True(await SaveAsync(document));
        Same(document with { Version = 1 }, await Store.FindAsync("kind", "a"));
        Same(document with { Version = 1 }, await Store.FindByKeyAsync("kind", "k2"));
        Assert.Null(await Store.FindAsync("other", "a"));
        Assert.Null(await Store.FindAsync("kind", "k1"));
        Assert.Null(await Store.FindByKeyAsync("kind", "a"));
        Assert.Null(await Store.FindByKeyAsync("other", "k1"));
    }

    [Fact]
    public async Task A_save_needs_the_version_that_is_stored()
    {
        Assert.True(await SaveAsync(Document("a")));
        Assert.False(await SaveAsync(Document("a")));
        Assert.True(await SaveAsync(Document("a") with { Version = 1, Json = "{\"n\":2}" }));
        Assert.False(await SaveAsync(Document("a") with { Version = 1, Json = "{\"n\":3}" }));
        Assert.False(await SaveAsync(Document("b") with { Version = 1 }));
        Same(Document("a") with { Version = 2, Json = "{\"n\":2}" }, await Store.FindAsync("kind", "a"));
        Assert.Null(await Store.FindAsync("kind", "b"));
    }

    [Fact]
    public async Task Several_documents_change_together_or_not_at_all()
    {
        Assert.True(await SaveAsync(Document("a"), Document("b", ["k"])));
        Assert.False(await SaveAsync(Document("a") with { Version = 1, Json = "1" }, Document("b") with { Version = 9 }));
        Same(Document("a") with { Version = 1 }, await Store.FindAsync("kind", "a"));
        Same(Document("b", ["k"]) with { Version = 1 }, await Store.FindByKeyAsync("kind", "k"));
    }

    [Fact]
    public async Task A_key_is_one_documents_until_it_gives_it_up()
    {
        Assert.True(await SaveAsync(Document("a", ["k"])));
        Assert.False(await SaveAsync(Document("b", ["k"])));
        Assert.False(await SaveAsync(Document("b", ["l"]), Document("c", ["l"])));
        Assert.True(await SaveAsync(Document("b", ["k"]) with { Kind = "other" }));
        Assert.True(await SaveAsync(Document("a", ["m"]) with { Version = 1 }, Document("b", ["k"])));
        Assert.Equal("b", (await Store.FindByKeyAsync("kind", "k"))!.Id);
        Assert.Equal("a", (await Store.FindByKeyAsync("kind", "m"))!.Id);
        Assert.Null(await Store.FindAsync("kind", "c"));
    }

    [Fact]
    public async Task A_removed_document_is_gone_with_its_keys()
    {
        Assert.True(await SaveAsync(Document("a", ["k"], Now)));
        Assert.False(await Store.SaveAsync([new(Document("a") with { Version = 2 }, IsRemoval: true)]));
        Assert.True(await Store.SaveAsync([new(Document("a") with { Version = 1 }, IsRemoval: true)]));
        Assert.False(await Store.SaveAsync([new(Document("a") with { Version = 1 }, IsRemoval: true)]));
        Assert.Null(await Store.FindAsync("kind", "a"));
        Assert.Null(await Store.FindByKeyAsync("kind", "k"));
        Assert.Empty(await Store.ListDueAsync("kind", Now, 10));
        Assert.True(await SaveAsync(Document("a", ["k"])));
    }

    [Fact]
    public async Task What_is_due_is_listed_longest_due_first()
    {
        await SaveAsync(Document("late", due: Now.AddHours(1)), Document("b", due: Now), Document("a", due: Now), Document("first", due: Now.AddDays(-1)), Document("never"));
        await SaveAsync(Document("x", due: Now) with { Kind = "other" });
        Assert.Equal(["first", "a", "b"], (await Store.ListDueAsync("kind", Now, 10)).Select(document => document.Id));
        Assert.Equal(["first", "a"], (await Store.ListDueAsync("kind", Now, 2)).Select(document => document.Id));
        await SaveAsync(Document("first") with { Version = 1 });
        Assert.Equal(["a", "b"], (await Store.ListDueAsync("kind", Now, 10)).Select(document => document.Id));
    }

    [Fact]
    public async Task Documents_are_listed_in_pages_in_the_order_of_their_ids()
    {
        foreach (var id in (string[])["b", "B", "a-1", "a", "_"])
        {
            await SaveAsync(Document(id, [$"key of {id}"]));
        }

        Assert.Equal(["B", "_", "a"], (await Store.ListAsync("kind", null, 3)).Select(document => document.Id));
        var rest = await Store.ListAsync("kind", "a", 3);
        Assert.Equal(["a-1", "b"], rest.Select(document => document.Id));
        Assert.Equal(["key of a-1"], rest[0].Keys);
        Assert.Empty(await Store.ListAsync("other", null, 3));
    }

    [Fact]
    public async Task Of_concurrent_saves_of_one_version_one_succeeds()
    {
        await SaveAsync(Document("a"), Document("b"));
        var saved = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => Task.Run(async () =>
            await SaveAsync(Document("b") with { Version = 1, Json = $"{number}" }, Document("a") with { Version = 1, Json = $"{number}" }))));
        Assert.Single(saved, isSaved => isSaved);
        Assert.Equal((await Store.FindAsync("kind", "a"))!.Json, (await Store.FindAsync("kind", "b"))!.Json);
    }

    [Fact]
    public async Task A_save_that_breaks_a_rule_says_so()
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.SaveAsync([]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await SaveAsync(Document("a"), Document("a")));
        await Assert.ThrowsAsync<ArgumentException>(async () => await SaveAsync(Document(string.Empty)));
        await Assert.ThrowsAsync<ArgumentException>(async () => await SaveAsync(Document(new('x', PaymentDocument.MaxName + 1))));
    }

    /// <summary>A document of the kind "kind".</summary>
    protected static PaymentDocument Document(string id, string[]? keys = null, DateTimeOffset? due = null) =>
        new() { Kind = "kind", Id = id, Json = "{\"name\":\"Łovelace\"}", Keys = keys ?? [], DueAt = due };

    /// <summary>Saves documents.</summary>
    protected ValueTask<bool> SaveAsync(params PaymentDocument[] documents) => Store.SaveAsync([.. documents.Select(document => new PaymentChange(document))]);

    /// <summary>Compares documents in everything that they hold.</summary>
    protected static void Same(PaymentDocument expected, PaymentDocument? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected with { Keys = [] }, actual with { Keys = [] });
        Assert.Equal(expected.Keys, actual.Keys.Order(StringComparer.Ordinal));
    }
}
