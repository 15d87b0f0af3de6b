using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class CodecTests
{
    [Fact]
    public void Every_kind_of_entry_is_read_back_as_it_was_written()
    {
        var entries = OneOfEachKind();
        Assert.Equal(19, entries.Select(entry => entry.GetType()).Distinct().Count());
        foreach (var entry in entries)
        {
            var encoded = Bytes.OfEntry(entry);
            var read = encoded.Decode();
            Assert.Equal(entry.GetType(), read.GetType());
            Assert.Equal(
                (entry.Sequence, entry.TransactionNumber, entry.CreatedAt, entry.AppliedAt, entry.Key),
                (read.Sequence, read.TransactionNumber, read.CreatedAt, read.AppliedAt, read.Key));
            Assert.Equal(entry.Answer.ToArray(), read.Answer.ToArray());
            if (entry is TransactionEntry transaction)
            {
                var same = Assert.IsType<TransactionEntry>(read, exactMatch: false);
                Assert.Equal(
                    (transaction.Id, transaction.Type, transaction.Amount, transaction.BalanceAfter, transaction.Description, transaction.Reference),
                    (same.Id, same.Type, same.Amount, same.BalanceAfter, same.Description, same.Reference));
            }

            Assert.Equal(encoded.Facts, Bytes.OfEntry(read).Facts);
            Assert.Equal(encoded.Texts, Bytes.OfEntry(read).Texts);
        }
    }

    [Fact]
    public void Bodies_of_entries_are_read_back_field_by_field()
    {
        var entries = OneOfEachKind();
        var opened = Assert.IsType<AccountOpened>(Reread<AccountOpened>(entries));
        Assert.Equal((new PlanTerms("starter", Credits.Of(100), 1, false, AccessLevel.Platform), At("2026-01-31"), 1, At("2026-04-30")), (opened.Terms, opened.Anchor, opened.Period, opened.PaidThrough));
        Assert.Equal(3, Reread<PeriodStarted>(entries).Period);
        Assert.Equal((At("2026-03-09"), "3"), (Reread<RecordsVisited>(entries).SeenAt, Reread<RecordsVisited>(entries).Records[0].Id));
        Assert.Equal(((UInt128)14, "4", At("2026-05-05")), (Reread<RecordsStarted>(entries).ExternalReference, Reread<RecordsStarted>(entries).Records[0].Id, Reread<RecordsStarted>(entries).Records[0].LastDay.End));
        Assert.Equal((AccountStatus.Suspended, "Unpaid."), (Reread<StatusChanged>(entries).Status, Reread<StatusChanged>(entries).Reason));
        Assert.Equal((Credits.Of(50), Credits.Of(4)), (Reread<CreditLimitChanged>(entries).Limit, Reread<CreditExtended>(entries).Extended));
        var taken = Reread<CreditsTakenBack>(entries);
        Assert.Equal((Credits.Zero, Credits.Of(7), Credits.Of(11), (UInt128)11), (taken.Removed, taken.AddedToDebt, taken.OwedAfter, taken.ExternalReference));
        Assert.Equal([Credits.Of(3), Credits.Of(8)], entries.OfType<DebtSettled>().Select(entry => Assert.IsType<DebtSettled>(Bytes.OfEntry(entry).Decode()).Settled));
        var planned = Reread<PlanChangePlanned>(entries);
        Assert.Equal(("starter", "growth", Credits.Of(1_000), At("2026-03-31"), (UInt128)12), (planned.PreviousPlan, planned.Terms!.Plan, planned.MonthlyCredits, planned.EffectiveAt, planned.ExternalReference));
        Assert.Equal(At("2026-06-30"), Reread<CancellationChanged>(entries).EndsAt);
        var changed = Reread<PlanChanged>(entries);
        Assert.Equal(("starter", "scale", At("2026-06-30"), (UInt128)13), (changed.PreviousPlan, changed.Terms.Plan, changed.PaidThrough, changed.ExternalReference));
        Assert.Equal((entries.OfType<PlanChanged>().Single().Period, 1, true), (changed.Period, changed.Terms.PeriodMonths, changed.PeriodAllotment < Credits.Of(5_000)));
        Assert.Equal(entries.OfType<Checkpoint>().Single().Point, Reread<Checkpoint>(entries).Point);
        Assert.Equal((At("2026-06-30"), (UInt128)2), (Reread<PaymentRecorded>(entries).PaidThrough, Reread<PaymentRecorded>(entries).ExternalReference));
        var granted = Assert.IsType<CreditsGranted>(Bytes.OfEntry(entries.OfType<CreditsGranted>().Single(entry => entry.Kind == TransactionType.Coupon)).Decode());
        Assert.Equal((Bucket.Bonus, At("2027-01-01"), (UInt128)1), (granted.Bucket, granted.ExpiresAt, granted.ExternalReference));
        var spent = entries.OfType<CreditsSpent>().First(entry => entry.Records.Length > 0);
        var read = Assert.IsType<CreditsSpent>(Bytes.OfEntry(spent).Decode());
        Assert.Equal((spent.Product, spent.Quantity, spent.Charged), (read.Product, read.Quantity, read.Charged));
        Assert.Equal(spent.Burns, read.Burns);
        Assert.Equal(spent.Records, read.Records);
        var refund = entries.OfType<CreditsRefunded>().Single();
        var readRefund = Reread<CreditsRefunded>(entries);
        Assert.Equal((refund.RefundOf, refund.UnusedMonthly, refund.UnusedCarried), (readRefund.RefundOf, readRefund.UnusedMonthly, readRefund.UnusedCarried));
        Assert.Equal(refund.Restored, readRefund.Restored);
        Assert.Equal(refund.EndedRecords.Select(record => (record.Key, record.LastDay)), readRefund.EndedRecords.Select(record => (record.Key, record.LastDay)));
    }

    [Fact]
    public void An_entry_whose_texts_were_erased_keeps_its_facts()
    {
        foreach (var entry in OneOfEachKind())
        {
            var erased = EntryCodec.Decode(Bytes.OfEntry(entry).Facts, default);
            Assert.Equal(Bytes.OfEntry(entry).Facts, Bytes.OfEntry(erased).Facts);
            Assert.True(erased is not TransactionEntry transaction || (transaction.Description.Length == 0 && transaction.Reference is null));
        }
    }

    [Fact]
    public void A_missing_text_and_an_empty_one_are_told_apart()
    {
        var account = new Scenario("2026-03-10");
        foreach (var reference in new[] { null, string.Empty, "r" })
        {
            var entry = account.Accept(new Deduct { Price = Credits.Of(1), Reference = reference });
            Assert.Equal(reference, Assert.IsType<CreditsSpent>(Bytes.OfEntry(entry).Decode()).Reference);
        }
    }

    [Fact]
    public void An_entry_of_another_version_is_refused_by_its_number()
    {
        var encoded = Bytes.OfEntry(OneOfEachKind()[0]);
        encoded.Facts[0] = 2;
        Assert.Contains("version 2", Assert.Throws<LedgerFormatException>(encoded.Decode).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncated_and_damaged_entries_are_refused_or_read_and_nothing_else()
    {
        var entries = OneOfEachKind().Select(Bytes.OfEntry).ToArray();
        foreach (var entry in entries)
        {
            for (var length = 0; length < entry.Facts.Length; length++)
            {
                Assert.Throws<LedgerFormatException>(() => EntryCodec.Decode(entry.Facts.AsSpan(0, length), entry.Texts));
            }

            for (var length = 1; length < entry.Texts.Length; length++)
            {
                ReadsOrRefuses(() => EntryCodec.Decode(entry.Facts, entry.Texts.AsSpan(0, length)));
            }

            Assert.Throws<LedgerFormatException>(() => EntryCodec.Decode([.. entry.Facts, 0], entry.Texts));
        }

        var random = new Random(20260121);
        var (read, refused) = (0, 0);
        for (var round = 0; round < 10_000; round++)
        {
            var entry = entries[random.Next(entries.Length)];
            var (facts, texts) = (Damage(entry.Facts, random), random.Next(4) == 0 ? Damage(entry.Texts, random) : entry.Texts);
            if (ReadsOrRefuses(() => EntryCodec.Decode(facts, texts)))
            {
                read++;
            }
            else
            {
                refused++;
            }
        }

        Assert.True(read > 1_000 && refused > 1_000, $"{read} were read and {refused} refused, so the damage is not one-sided.");
    }

    [Fact]
    public void A_damaged_entry_that_can_be_read_is_applied_or_breaks_an_invariant_and_nothing_else()
    {
        var entries = OneOfEachKind().Select(Bytes.OfEntry).ToArray();
        var before = Enumerable.Range(0, entries.Length).Select(index => index == 0 ? null : Bytes.OfSnapshot(Bytes.Rebuild(Id, entries.Take(index)))).ToArray();
        var random = new Random(20260124);
        var (applied, broken) = (0, 0);
        for (var round = 0; round < 10_000; round++)
        {
            var index = random.Next(entries.Length);
            Entry? read = null;
            if (!ReadsOrRefuses(() => read = EntryCodec.Decode(Damage(entries[index].Facts, random), default)))
            {
                continue;
            }

            try
            {
                Account.Evolve(before[index] is { } snapshot ? SnapshotCodec.Decode(Id, snapshot) : Account.New(Id), read!);
                applied++;
            }
            catch (InvariantException)
            {
                broken++;
            }
        }

        Assert.True(applied > 1_000 && broken > 1_000, $"{applied} were applied and {broken} broke an invariant, so the damage is not one-sided.");
    }

    [Fact]
    public void An_entry_whose_figures_leave_their_range_breaks_an_invariant()
    {
        var account = new Scenario("2026-03-10");
        PeriodStarted Period(int number, string appliedAt) => new()
        {
            Sequence = account.State.Sequence + 1, TransactionNumber = account.State.TransactionNumber, CreatedAt = At(appliedAt), AppliedAt = At(appliedAt), Period = number,
        };
        Assert.Throws<InvariantException>(() => Account.Evolve(account.State, Period(int.MaxValue, "2026-04-10")));
        account.Reload(fromSnapshot: false);
        CreditsGranted Grant(long amount) => new()
        {
            Sequence = account.State.Sequence + 1, TransactionNumber = account.State.TransactionNumber + 1, CreatedAt = account.Now, AppliedAt = account.Now, Tag = 1,
            Kind = TransactionType.Bonus, Bucket = Bucket.Bonus, Granted = new(amount), ExpiresAt = null, BalanceAfter = new(amount),
        };
        Assert.Throws<InvariantException>(() => Account.Evolve(account.State, Grant(long.MaxValue)));
    }

    [Theory]
    [InlineData("01020103c0843d80808080808080808001")] // A distance between two instants that leaves the calendar.
    [InlineData("0102010300000000ffffffffff7f")] // A period's number above 31 bits.
    [InlineData("010280808080808080808080010000000000")] // An integer of more than 64 bits.
    [InlineData("0102ffffffffffffffffff010000000000")] // A sequence above 63 bits.
    [InlineData("0102ffffffffffffffffff7f0000000000")] // Ten digits whose last has bits beyond the 64th.
    public void Integers_out_of_range_are_refused_as_damage(string facts) =>
        Assert.Throws<LedgerFormatException>(() => EntryCodec.Decode(Convert.FromHexString(facts), default));

    [Fact]
    public void Counts_that_nothing_follows_take_no_memory()
    {
        // A spending whose number of burns says two thousand millions.
        var spent = Bytes.OfEntry(new Scenario("2026-03-10").Spend("1")).Facts;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var index = 0; index < spent.Length; index++)
        {
            byte[] damaged = [.. spent.AsSpan(0, index), 0xFF, 0xFF, 0xFF, 0xFF, 0x07, .. spent.AsSpan(index)];
            ReadsOrRefuses(() => EntryCodec.Decode(damaged, default));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_000_000);
    }

    [Fact]
    public void Damaged_answers_are_refused_or_read_and_nothing_else()
    {
        var account = new Scenario("2026-03-10");
        var records = account.Accept(new AccessRecords { Records = [Company("1"), Company("2"), Signals("1")], Key = Key(1) }).Answer.ToArray();
        var batch = AnswerCodec.EncodeBatch(ABatch()).ToArray();
        var random = new Random(20260122);
        for (var round = 0; round < 5_000; round++)
        {
            ReadsOrRefuses(() => AnswerCodec.DecodeRecords(Damage(records, random)));
            ReadsOrRefuses(() => AnswerCodec.DecodeBatch(Damage(batch, random)));
        }

        Assert.Throws<LedgerFormatException>(() => AnswerCodec.DecodeBatch(records));
        Assert.Throws<LedgerFormatException>(() => AnswerCodec.DecodeRecords(batch));
    }

    [Fact]
    public void The_answer_of_a_batch_is_kept_whole()
    {
        var batch = ABatch();
        var read = AnswerCodec.DecodeBatch(AnswerCodec.EncodeBatch(batch).Span);
        Assert.Equal((batch.Charged, batch.Credits), (read.Charged, read.Credits));
        Assert.Equal(batch.Items, read.Items);
    }

    internal static byte[] Damage(byte[] bytes, Random random)
    {
        byte[] damaged = random.Next(4) == 0 ? bytes[..random.Next(bytes.Length + 1)] : [.. bytes];
        for (var flips = random.Next(1, 4); flips > 0 && damaged.Length > 0; flips--)
        {
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
        }

        return damaged;
    }

    internal static bool ReadsOrRefuses(Action decode)
    {
        try
        {
            decode();
            return true;
        }
        catch (LedgerFormatException)
        {
            return false;
        }
    }

    private static BatchDeduction ABatch() => new(Credits.Of(3), Credits.Of(7),
    [
        new Deduction(new(4, 99), Credits.Of(3), Credits.Of(7), new(Credits.Of(1), Credits.Of(2), Credits.Zero)),
        Refusal.Invalid("amount", "amount is 0; more than 0 is allowed."),
        new Refusal(RefusalReason.InsufficientCredits, "Too few.") { Required = Credits.Of(9), Available = Credits.Of(7) },
        new Refusal(RefusalReason.AccessLevelTooLow, "Too low.") { RequiredLevel = AccessLevel.Platform },
    ]);

    private static T Reread<T>(List<Entry> entries)
        where T : Entry => Assert.IsType<T>(Bytes.OfEntry(entries.OfType<T>().Last()).Decode());

    private static List<Entry> OneOfEachKind()
    {
        var account = new Scenario("2026-03-10T08:00:00.123Z", anchor: "2026-01-31", paidThrough: "2026-04-30");
        account.Give("12.5", TransactionType.Coupon, "2027-01-01", reference: 1);
        account.Accept(account.Paying("2026-06-30", 2));
        account.Accept(new Deduct { Price = Credits.Of(20), Product = "lead.search", Quantity = 97, Description = "Lead search: Caf\u00e9s in US (97 results)", Reference = "r-1", Key = Key(1), Tag = 77 });
        account.Accept(new AccessRecords { Records = [Company("1"), Company("2")], Product = "company", Key = Key(2), Tag = 78 });
        account.Accept(new AccessRecords { Records = [Company("1")], Key = Key(3) });
        account.Accept(new VisitRecords { Records = [new(RecordKey.Of("company", "3"), "company", "3")], SeenAt = At("2026-03-09"), Key = Key(4) });
        account.Accept(new StartRecords { Records = [new(RecordKey.Of("company", "4"), "company", "4", At("2026-05-05"))], ExternalReference = 14, Key = Key(6) });
        account.PayBack(account.Rows.Last());
        account.Accept(account.Adjusting("-1"));
        account.Accept(new SetCreditLimit { Limit = Credits.Of(50), Key = Key(5) });
        account.Accept(new Deduct { Price = account.State.Available + Credits.Of(4), Tag = 79 });
        account.Accept(account.TakingBack("7", 11));
        account.Give("3");
        account.Accept(account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd, reference: 12));
        account.Accept(Cancelling());
        account.Accept(account.Changing("scale", "5000", granted: PlanAllotment.Prorated, reference: 13));
        account.Accept(account.Setting(AccountStatus.Suspended, "Unpaid."));
        account.To("2026-04-05");
        account.Accept(new MakeCheckpoint { Point = CheckpointPoint.Of(account.State, new(1, 2, 3, 4), Bytes.OfSnapshot(account.State)) });
        return account.Entries;
    }
}
