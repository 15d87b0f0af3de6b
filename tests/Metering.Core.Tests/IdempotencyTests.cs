using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class IdempotencyTests
{
    [Fact]
    public void The_same_key_and_request_point_to_the_first_answer()
    {
        var account = new Scenario("2026-03-10");
        var first = account.Accept(Keyed(1));
        account.Spend("5");
        Assert.Equal(first.Sequence, account.Send(Keyed(1)).ReplayOf);
        Assert.Equal("94", account.State.Available.ToString());
    }

    [Fact]
    public void The_same_key_with_another_request_is_refused()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(Keyed(1));
        Assert.Equal(RefusalReason.IdempotencyKeyReused, account.Refuse(Keyed(1, request: 2)).Reason);
    }

    [Fact]
    public void A_refusal_keeps_no_key()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        Assert.Equal(RefusalReason.InsufficientCredits, account.Refuse(Keyed(1)).Reason);
        account.Give("5");
        account.Accept(Keyed(1));
    }

    [Fact]
    public void A_replay_comes_before_everything_that_changed_since()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-03-10T12:00:00Z");
        var spent = account.Accept(Keyed(1));
        var coupon = new Grant { Kind = TransactionType.Coupon, Amount = Credits.Of(1), ExpiresAt = At("2026-03-10T11:00:00Z"), ExternalReference = 5, Key = Key(2) };
        var granted = account.Accept(coupon);
        account.To("2026-03-10T13:00:00Z");
        Assert.Equal(spent.Sequence, account.Send(Keyed(1)).ReplayOf);
        Assert.Equal(granted.Sequence, account.Send(coupon).ReplayOf);
    }

    [Fact]
    public void Opening_twice_with_one_key_opens_once()
    {
        var state = Account.New(Id);
        var open = new Open { Terms = new("starter", Credits.Of(100), 1, false, AccessLevel.Platform), Key = Key(1) };
        Account.Evolve(state, Account.Decide(state, open, At("2026-03-10")).Entry!);
        Assert.Equal(1, Account.Decide(state, open, At("2026-03-10")).ReplayOf);
        var other = new Open { Terms = open.Terms, Key = Key(2) };
        Assert.Equal(RefusalReason.AccountExists, Account.Decide(state, other, At("2026-03-10")).Refusal!.Reason);
    }

    [Fact]
    public void A_free_call_for_records_keeps_its_answer_under_its_key()
    {
        var account = new Scenario("2026-03-10");
        account.Access(Company("1"));
        var free = new AccessRecords { Records = [Company("1")], Key = Key(1) };
        var kept = Assert.IsType<AnswerKept>(account.Accept(free));
        var (credits, verdicts) = AnswerCodec.DecodeRecords(kept.Answer.Span);
        Assert.Equal(("99", RecordStatus.Active), (credits.ToString(), verdicts.Single().Status));
        Assert.Equal(kept.Sequence, account.Send(free).ReplayOf);
    }

    [Fact]
    public void A_call_for_records_that_handed_out_nothing_keeps_no_key()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        var upTo = new AccessRecords { Records = [Company("1")], Mode = AccessMode.UpTo, Key = Key(1) };
        Assert.Null(account.Send(upTo).Entry);
        account.Give("1");
        Assert.Equal(RecordStatus.Subscribed, account.Send(upTo).Verdicts![0].Status);
    }

    [Fact]
    public void The_answer_of_a_call_for_records_is_kept_whole()
    {
        var account = new Scenario("2026-03-10", allotment: "2");
        var call = new AccessRecords { Records = [Company("1"), Company("2"), Company("3"), Signals("9", "0")], Mode = AccessMode.UpTo, Key = Key(1) };
        var decision = account.Send(call);
        var (credits, verdicts) = AnswerCodec.DecodeRecords(Bytes.OfEntry(decision.Entry!).Decode().Answer.Span);
        Assert.Equal("0", credits.ToString());
        Assert.Equal(decision.Verdicts, verdicts);
    }

    [Fact]
    public void A_key_is_kept_for_24_hours_at_least_over_snapshots_and_rebuilding()
    {
        foreach (var fromSnapshot in new[] { true, false })
        {
            var account = new Scenario("2026-03-10");
            var first = account.Accept(Keyed(1));
            account.To("2026-03-10T23:00:00Z").Accept(Keyed(2));
            account.To("2026-03-10T23:59:59.999Z").Accept(Keyed(3));
            Assert.Equal(first.Sequence, account.Reload(fromSnapshot).Send(Keyed(1)).ReplayOf);
        }
    }

    [Fact]
    public void A_key_that_came_soon_after_an_older_one_is_kept_for_its_own_24_hours()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(Keyed(1));
        var second = account.To("2026-03-10T00:30:00Z").Accept(Keyed(2));
        account.To("2026-03-11T00:15:00Z").Accept(Keyed(3));
        Assert.Equal(second.Sequence, account.To("2026-03-11T00:29:59.999Z").Send(Keyed(2)).ReplayOf);
    }

    [Fact]
    public void After_24_hours_a_key_lets_go_of_its_memory_when_others_come()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(Keyed(1));
        account.To("2026-03-11").Accept(Keyed(2));
        Assert.Equal(1, account.State.Keys.Count);
        account.Accept(Keyed(1, request: 2));
    }

    private static Deduct Keyed(int id, int request = 1) => new() { Price = Credits.Of(1), Key = Key(id, request) };
}
