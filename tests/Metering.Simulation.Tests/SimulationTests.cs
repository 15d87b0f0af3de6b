using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace Metering.Simulation.Tests;

/// <summary>The engine in a simulated world; any number of seeds by <c>dotnet run --project tests/Metering.Simulation -- --seeds N</c>.</summary>
public sealed class SimulationTests
{
    [Fact]
    public void Two_hundred_seeds_agree_with_the_model()
    {
        var failure = new Campaign(StoreBug.None).Run(1, 200);
        Assert.True(failure is null, failure is { } found ? $"seed {found.Seed}: {found.Violation}\n{Shrinker.Shrink(found.Seed, StoreBug.None)}" : "");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(2534)]
    public void The_same_seed_gives_the_same_history(int seed) => Assert.Equal(HistoryOf(seed), HistoryOf(seed));

    [Fact]
    public void Seeds_reach_what_they_are_meant_to_reach()
    {
        var seen = new StringBuilder();
        foreach (var seed in Enumerable.Range(1, 80))
        {
            Simulation.Execute(PlanGenerator.Generate(seed), trace: line => seen.AppendLine(line));
        }

        var history = seen.ToString();
        Assert.All(
            [
                "crashes", "is drained", "failed for good", "stores a snapshot", "HeadMismatch", "LedgerUnavailableException", "LedgerContentException", "(done)", "(not done)",
                "cancelled", "replay #", "replay batch", "replay access", "jumps by -", "IdempotencyKeyReused", "ReferenceUsed", "InsufficientCredits", "SubscriptionInactive",
                "MaxCreditsExceeded", "AccessLevelTooLow", "RefundExceedsCharge", "TransactionUnknown", "TransactionNotRefundable", "OutcomeUnknown", "Overloaded", "LedgerUnavailable",
                "AccountExists", "AccountUnknown", "NotCharged", "stops archiving", "cuts acct", "cut fails", "TransactionArchived", ": Archived", "REFUND", "unlimited=True",
            ],
            what => Assert.Contains(what, history, StringComparison.OrdinalIgnoreCase));
    }

    private static string HistoryOf(int seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Simulation.Execute(PlanGenerator.Generate(seed), trace: line => hash.AppendData(Encoding.UTF8.GetBytes(line)));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
