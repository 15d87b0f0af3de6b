using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class CheckpointTests
{
    private readonly Scenario account = new("2026-03-10");

    private CheckpointPoint Here => CheckpointPoint.Of(account.State, new(1, 2, 3, 4), Bytes.OfSnapshot(account.State));

    [Fact]
    public void A_checkpoint_moves_nothing_but_the_sequence_and_is_no_transaction()
    {
        account.Give("5", TransactionType.Bonus);
        account.Spend("2");
        var (before, balance, rows, through) = (Here, account.State.ToBalance(), account.Rows.Count(), account.State.Sequence);
        var entry = Assert.IsType<Checkpoint>(account.Accept(new MakeCheckpoint { Point = before }));
        Assert.Equal((through + 1, through, before.Transactions), (entry.Sequence, entry.Point.Through, entry.TransactionNumber));
        Assert.Equal(balance with { Sequence = entry.Sequence }, account.State.ToBalance());
        Assert.Equal(rows, account.Rows.Count());
        Assert.Equal((Amount("3"), Amount("100"), Credits.Zero, Amount("103")), (before.Bonus, before.Monthly, before.Permanent, before.Available));
        Assert.Equal(before, account.Reload(fromSnapshot: false).Entries.OfType<Checkpoint>().Single().Point);
    }

    [Fact]
    public void A_checkpoint_may_speak_of_an_earlier_entry_but_of_none_to_come()
    {
        var early = Here;
        account.Spend("2");
        account.Accept(new MakeCheckpoint { Point = early });
        foreach (var through in new[] { 0, account.State.Sequence + 1 })
        {
            Assert.Equal("through", account.Refuse(new MakeCheckpoint { Point = early with { Through = through } }).Field);
        }

        Assert.Equal("through", account.Refuse(new MakeCheckpoint { Point = early with { Transactions = account.State.TransactionNumber + 1 } }).Field);
        Assert.Equal(RefusalReason.AccountUnknown, Account.Decide(Account.New(new("nobody")), new MakeCheckpoint { Point = early }, account.Now).Refusal?.Reason);
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_true_is_not_applied()
    {
        var point = Here;
        Entry Made(CheckpointPoint claimed) => new Checkpoint
        {
            Sequence = account.State.Sequence + 1, TransactionNumber = account.State.TransactionNumber, CreatedAt = account.Now, AppliedAt = account.Now, Point = claimed,
        };
        foreach (var claimed in new[]
        {
            point with { Through = point.Through + 1 }, point with { Through = 0 }, point with { Transactions = 99 }, point with { Bonus = Amount("1") },
        })
        {
            Assert.Throws<InvariantException>(() => Account.Evolve(SnapshotCodec.Decode(Id, Bytes.OfSnapshot(account.State)), Made(claimed)));
        }

        Account.Evolve(account.State, Made(point));
    }

    [Fact]
    public void Any_change_of_a_state_changes_what_a_checkpoint_says_of_it()
    {
        var before = Here;
        account.State.Records.Set(RecordKey.Of("company", "free"), RecordDay.LastDayFrom(account.Now), RecordDay.Of(account.Now));
        Assert.NotEqual(before.StateDigest, Here.StateDigest);
        Assert.Equal(before, Here with { StateDigest = before.StateDigest });
    }

    [Fact]
    public void A_charge_that_was_archived_is_not_refunded_but_the_key_of_its_refund_is_still_answered()
    {
        var charge = account.Spend("2");
        var key = Key(9);
        var refund = account.Accept(new Refund { Original = charge, Amount = Amount("1"), Key = key });
        Assert.Equal(refund.Sequence, account.Send(new Refund { Original = null, IsArchived = true, Amount = Amount("1"), Key = key }).ReplayOf);
        Assert.Equal(RefusalReason.TransactionArchived, account.Refuse(new Refund { Original = null, IsArchived = true }).Reason);
    }
}
