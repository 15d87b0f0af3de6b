using System.Diagnostics;
using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class SnapshotTests
{
    [Fact]
    public void A_truncated_or_damaged_snapshot_is_refused_whatever_bit_it_is()
    {
        var snapshot = Bytes.OfSnapshot(AFullAccount().State);
        Assert.NotNull(SnapshotCodec.Decode(Id, snapshot));
        for (var length = 0; length < snapshot.Length; length++)
        {
            Assert.Throws<LedgerFormatException>(() => SnapshotCodec.Decode(Id, snapshot.AsSpan(0, length)));
        }

        for (var bit = 0; bit < snapshot.Length * 8; bit++)
        {
            snapshot[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<LedgerFormatException>(() => SnapshotCodec.Decode(Id, snapshot));
            snapshot[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        var random = new Random(20260123);
        for (var round = 0; round < 10_000; round++)
        {
            var damaged = CodecTests.Damage(snapshot, random);
            Assert.Equal(damaged.AsSpan().SequenceEqual(snapshot), CodecTests.ReadsOrRefuses(() => SnapshotCodec.Decode(Id, damaged)));
        }
    }

    [Fact]
    public void A_snapshot_of_another_account_is_refused() =>
        Assert.Throws<LedgerFormatException>(() => SnapshotCodec.Decode(new("acme2"), Bytes.OfSnapshot(AFullAccount().State)));

    /// <summary>Archived accounts begin with such bytes for ever: these are version 2's own.</summary>
    private const string VersionTwo =
        "0504F6B194EC9A67F6B194EC9A67077374617274657280897A01000380C0CB9582670180908593A867020180E0AB96D96800A0D119008080DC9894670180908593A867020201E0B7600180908593A867" +
        "0302C0A907000001020000000000000000000000000000000118BCDD25BA1E15667B0270A5830D1109CA2600FFDFE6A2E2A01C0001F6B194EC9A67F6B194EC9A67050101000000000000000000000000" +
        "000000010000000000000000000000000000000526C2D52DCE2F2F370654AA818411F5CD7ED5237648C1E1433D1C41E68214A6CB";

    [Fact]
    public void A_state_of_version_2_is_read_and_goes_on()
    {
        var state = SnapshotCodec.Decode(Id, Convert.FromHexString(VersionTwo), version: 2);
        Assert.Equal((5, 4, "starter", "85"), (state.Sequence, state.TransactionNumber, state.Terms.Plan, state.Available.ToString()));
        Assert.Equal((AccountStatus.Active, Credits.Zero, Credits.Zero, null, 0), (state.Status, state.Owed, state.CreditLimit, state.EndsAt, state.PeriodOffset));
        while (Account.DecideDue(state, At("2026-04-05")) is { } due)
        {
            Account.Evolve(state, due);
        }

        Assert.Equal(("106", At("2026-04-30")), (state.Available.ToString(), state.PeriodEnd));
        Assert.Equal(Bytes.OfSnapshot(state), Bytes.OfSnapshot(SnapshotCodec.Decode(Id, Bytes.OfSnapshot(state))));
        foreach (var version in (int[])[1, 3, 4])
        {
            Assert.Throws<LedgerFormatException>(() => SnapshotCodec.Decode(Id, Convert.FromHexString(VersionTwo), version));
        }
    }

    [Fact]
    public void A_snapshot_is_appended_to_what_a_writer_holds()
    {
        var account = AFullAccount();
        var writer = new ByteWriter();
        SnapshotCodec.Encode(account.State, writer);
        var first = writer.Length;
        SnapshotCodec.Encode(account.State, writer);
        Assert.Equal(writer.Written.Span[..first], writer.Written.Span[first..]);
        Assert.NotNull(SnapshotCodec.Decode(Id, writer.Written.Span[first..]));
    }

    [Fact]
    public void A_state_and_its_snapshot_have_equal_snapshots_after_records_ended_and_the_table_grew()
    {
        var account = new Scenario("2026-03-10", allotment: "1000000");
        for (var round = 0; round < 20; round++)
        {
            account.Access([.. Enumerable.Range(0, 200).Select(id => Company($"{round} {id}"))]);
            if (round % 3 == 0)
            {
                account.PayBack(account.Rows.Last());
            }

            account.To($"{2026 + (round / 4):0000}-{4 + (2 * (round % 4)):00}-01");
            var snapshot = Bytes.OfSnapshot(account.State);
            Assert.Equal(snapshot, Bytes.OfSnapshot(SnapshotCodec.Decode(Id, snapshot)));
            Assert.Equal(snapshot, Bytes.OfSnapshot(Bytes.Rebuild(Id, account.Entries.Select(Bytes.OfEntry))));
        }
    }

    [Fact]
    public void A_large_table_of_records_is_read_back_without_clumping()
    {
        // At this load, a table that is filled in the order of a larger one's slots while it grows takes quadratic time: measured, ten
        // times as long as paying for the records took, where it should be a third of that.
        const int Records = 310_000;
        var account = new Scenario("2026-03-10", allotment: "1000000");
        var clock = Stopwatch.StartNew();
        for (var start = 0; start < Records; start += 10_000)
        {
            account.Access([.. Enumerable.Range(start, 10_000).Select(id => Company($"{id}"))]);
        }

        var filling = clock.Elapsed;
        clock.Restart();
        account.Reload(fromSnapshot: true);
        Assert.True(clock.Elapsed < 3 * filling, $"Reading took {clock.Elapsed}, filling {filling}.");
        Assert.Equal(Records, account.State.Records.Count);
        Assert.Equal(RecordStatus.Active, account.Access(Company("0"), Company($"{Records - 1}")).Select(verdict => verdict.Status).Distinct().Single());
    }

    private static Scenario AFullAccount()
    {
        var account = new Scenario("2026-03-10T08:00:00.123Z", anchor: "2026-01-31", paidThrough: "2026-12-31");
        account.Give("5", expiresAt: "2026-05-01", reference: 1);
        account.Give("6", TransactionType.Purchase, reference: 2);
        account.Access(Company("1"), Company("2"));
        var spent = account.Accept(new Deduct { Price = Credits.Of(20), Key = Key(1) });
        account.PayBack((TransactionEntry)spent, "3");
        account.Accept(new Deduct { Price = Credits.Of(1), Key = Key(2) });
        return account;
    }
}
