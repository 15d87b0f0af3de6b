using Xunit;

namespace Metering.Conformance;

/// <summary>A running meter that a suite drives.</summary>
public interface IMeterHost : IAsyncDisposable
{
    ICreditMeter Meter { get; }

    ManualTimeProvider Clock { get; }

    /// <summary>Stops the meter and starts it again on what is durable.</summary>
    ValueTask RestartAsync();
}

/// <summary>
/// What every <see cref="ICreditMeter"/> promises. An implementation joins by deriving and starting a host; a deviation carries its
/// reason beside the override.
/// </summary>
public abstract partial class CreditMeterConformance : IAsyncLifetime
{
    /// <summary>The default of <c>GraceDays</c>, which every host of the suite runs with.</summary>
    protected const int GraceDays = 7;

    private static int accounts;

    protected static readonly DateTimeOffset Start = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);

    private IMeterHost? host;

    protected IMeterHost Host => host ?? throw new InvalidOperationException("The host is not started.");

    protected ICreditMeter Meter => Host.Meter;

    protected ManualTimeProvider Clock => Host.Clock;

    protected AccountId Account { get; } = new($"acct_{Interlocked.Increment(ref accounts)}");

    protected abstract ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue);

    public async Task InitializeAsync() => host = await StartHostAsync(new ManualTimeProvider(Start), TestCatalogue);

    public async Task DisposeAsync() => await Host.DisposeAsync();

    /// <summary>The default catalogue, and plans for what it has none of.</summary>
    public static Catalogue TestCatalogue { get; } = new(
        Catalogue.Default.Products.Values.Append(new() { Id = "premium", PerUnit = Credits.Of(1), Level = AccessLevel.Platform }),
        [
            .. Catalogue.Default.Plans.Values,
            new() { Id = "empty", Name = "Empty", Level = AccessLevel.Platform },
            new() { Id = "trial", Name = "Trial", MonthlyCredits = Credits.Of(100), Level = AccessLevel.Trial },
            new() { Id = "yearly", Name = "Yearly", MonthlyCredits = Credits.Of(1_200), PeriodMonths = 12, Level = AccessLevel.Platform },
        ]);

    protected async Task<Balance> OpenAsync(string plan = "starter", DateTimeOffset? paidThrough = null) =>
        (await Meter.OpenAccountAsync(Account, new() { Plan = plan, PaidThrough = paidThrough })).Value;

    protected async Task<Credits> AvailableAsync() => (await Meter.GetBalanceAsync(Account)).Value.Available;

    protected ValueTask<Outcome<Deduction>> DeductAsync(decimal amount, string? key = null, string? description = null) =>
        Meter.DeductAsync(Account, new() { Amount = Credits.Of(amount), IdempotencyKey = key, Description = description });

    protected ValueTask<Outcome<Posting>> GrantAsync(GrantSource source, decimal amount, DateTimeOffset? expiresAt = null, string? reference = null, string? key = null) =>
        Meter.GrantAsync(Account, new() { Source = source, Amount = Credits.Of(amount), ExpiresAt = expiresAt, ExternalReference = reference, IdempotencyKey = key });

    protected ValueTask<Outcome<RecordAccess>> AccessAsync(params string[] companies) =>
        Meter.AccessRecordsAsync(Account, new() { Records = [.. companies.Select(id => new RecordRequest("company", id))] });

    protected async Task<IReadOnlyList<Transaction>> TransactionsAsync() => (await Meter.ListTransactionsAsync(Account, new() { Limit = 1_000 })).Value.Items;

    /// <summary>The sum of all rows is the balance: it holds after every test.</summary>
    protected async Task RowsSumToTheBalanceAsync() =>
        Assert.Equal(await AvailableAsync(), (await TransactionsAsync()).Aggregate(Credits.Zero, (sum, row) => sum + row.Amount));
}
