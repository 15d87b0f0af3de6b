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

    /// <summary>Seeds that once found a bug of the engine, each with what it found.</summary>
    [Theory]
    [InlineData(1, "a call that waited to load its account wrote after the meter was drained")]
    [InlineData(47, "a refund of what another activation had charged broke an invariant")]
    [InlineData(1212, "an account that left memory while the meter drained wrote a snapshot afterwards")]
    [InlineData(2534, "a refund was judged by a queue that did not last")]
    public void Seeds_that_found_bugs_stay_sound(int seed, string found)
    {
        var (_, violation) = Simulation.Execute(PlanGenerator.Generate(seed));
        Assert.True(violation is null, $"It is back that {found}: {violation}");
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
        foreach (var seed in Enumerable.Range(1, 40))
        {
            Simulation.Execute(PlanGenerator.Generate(seed), trace: line => seen.AppendLine(line));
        }

        var history = seen.ToString();
        Assert.All(
            [
                "crashes", "is drained", "failed for good", "stores a snapshot", "HeadMismatch", "LedgerUnavailableException", "LedgerContentException", "(done)", "(not done)",
                "cancelled", "replay #", "replay batch", "replay access", "jumps by -", "IdempotencyKeyReused", "ReferenceUsed", "InsufficientCredits", "SubscriptionInactive",
                "MaxCreditsExceeded", "AccessLevelTooLow", "RefundExceedsCharge", "TransactionUnknown", "TransactionNotRefundable", "OutcomeUnknown", "Overloaded", "LedgerUnavailable",
                "AccountExists", "AccountUnknown", "NotCharged", "REFUND", "unlimited=True",
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
