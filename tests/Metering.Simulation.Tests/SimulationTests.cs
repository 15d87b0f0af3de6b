using System.Diagnostics;
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

    /// <summary>Another process hashes texts otherwise: what hangs on the order of a table of them shows here, and not within one process.</summary>
    [Fact]
    public async Task The_same_seed_gives_the_same_history_in_every_process()
    {
        using var other = Process.Start(new ProcessStartInfo("dotnet", [typeof(Campaign).Assembly.Location, "--digests", "--from", "1", "--seeds", "60"]) { RedirectStandardOutput = true })!;
        var theirs = other.StandardOutput.ReadToEndAsync();
        var ours = Enumerable.Range(1, 60).Select(seed => $"{seed} {SimulationCommand.DigestOf(seed)}").ToList();
        Assert.Equal(ours, (await theirs).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void Seeds_reach_what_they_are_meant_to_reach()
    {
        var seen = new StringBuilder();
        foreach (var seed in Enumerable.Range(1, 260))
        {
            Simulation.Execute(PlanGenerator.Generate(seed), trace: line => seen.AppendLine(line));
        }

        var history = seen.ToString();
        Assert.Matches("is left with a lag of [1-9]", history);
        Assert.All(
            [
                "crashes", "is drained", "failed for good", "stores a snapshot", "HeadMismatch", "LedgerUnavailableException", "LedgerContentException", "(done)", "(not done)",
                "cancelled", "replay #", "replay batch", "replay access", "jumps by -", "IdempotencyKeyReused", "ReferenceUsed", "InsufficientCredits", "SubscriptionInactive",
                "MaxCreditsExceeded", "AccessLevelTooLow", "RefundExceedsCharge", "TransactionUnknown", "TransactionNotRefundable", "OutcomeUnknown", "Overloaded", "LedgerUnavailable",
                "AccountExists", "AccountUnknown", "NotCharged", "stops archiving", "cuts acct", "cut fails", "TransactionArchived", ": Archived", "REFUND", "unlimited=True", "grace=2", "grace=none",

                // The journal and its pages.
                "races a read between tail and pages", "races a read of pages", "races an append on its way", "races an append that is durable", "races a deletion",
                "races a projection before its commit", "races a projection after its commit", "a projection fails", "waits for the pages to take over",
                "deleted records come back", "beyond its limit", "a start fails half-way", "the ledger refuses no journal", "the ledger opens with no journal, as it may",
                "the ledger refuses another ledger's journal", "the ledger refuses an older journal", "the ledger refuses an incomplete journal",
                "the ledger refuses a damaged journal", "it needs its journal", "it does not need its journal",

                // The database.
                "waits for the lock of", "the fence waits for", "finds no row of it", "is lost", "RolledBack",
            ],
            what => Assert.Contains(what, history, StringComparison.OrdinalIgnoreCase));
    }
}
