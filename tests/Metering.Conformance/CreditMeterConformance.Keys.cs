using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task The_same_key_and_request_get_the_first_answer_again_across_restarts()
    {
        await OpenAsync();
        var first = await DeductAsync(7, "key-1");
        await DeductAsync(1);
        var again = await DeductAsync(7, "key-1");
        await Host.RestartAsync();
        var later = await DeductAsync(7, "key-1");
        Assert.False(first.IsReplay);
        Assert.True(again.IsReplay && later.IsReplay);
        Assert.Equal(first.Value, again.Value);
        Assert.Equal(first.Value, later.Value);
        Assert.Equal(Credits.Of(92), await AvailableAsync());
    }

    [Fact]
    public async Task The_same_key_with_another_request_is_refused()
    {
        await OpenAsync();
        await DeductAsync(7, "key-1");
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await DeductAsync(8, "key-1")).Refusal?.Reason);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await GrantAsync(GrantSource.Bonus, 7, key: "key-1")).Refusal?.Reason);
        Assert.Equal(Credits.Of(93), await AvailableAsync());
    }

    [Fact]
    public async Task Concurrent_calls_with_one_key_charge_once_and_all_get_the_same_answer()
    {
        await OpenAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => DeductAsync(7, "key-1").AsTask())));
        Assert.Single(outcomes.Select(outcome => outcome.Value).Distinct());
        Assert.Equal(1, outcomes.Count(outcome => !outcome.IsReplay));
        Assert.Equal(Credits.Of(93), await AvailableAsync());
    }

    [Fact]
    public async Task A_refusal_is_not_kept_so_that_the_key_may_succeed_after_a_top_up()
    {
        await OpenAsync();
        Assert.False((await DeductAsync(150, "key-1")).IsSuccess);
        await GrantAsync(GrantSource.TopUp, 50);
        var outcome = await DeductAsync(150, "key-1");
        Assert.True(outcome is { IsSuccess: true, IsReplay: false });
    }

    [Fact]
    public async Task A_key_is_kept_for_24_hours_and_let_go_of_later()
    {
        await OpenAsync();
        await DeductAsync(1, "key-1");
        Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        Assert.True((await DeductAsync(1, "key-1")).IsReplay);
        Clock.Advance(TimeSpan.FromHours(3));
        await DeductAsync(1, "key-2");
        Assert.False((await DeductAsync(1, "key-1")).IsReplay);
    }

    [Fact]
    public async Task A_batch_and_a_call_for_records_are_replayed_whole()
    {
        await OpenAsync();
        DeductBatchRequest batch = new() { Items = [new() { Amount = Credits.Of(1) }, new() { Amount = Credits.Of(1_000) }], IdempotencyKey = "batch" };
        RecordAccessRequest access = new() { Records = [new("company", "a"), new("contact", "b")], IdempotencyKey = "access" };
        var (firstBatch, firstAccess) = (await Meter.DeductBatchAsync(Account, batch), await Meter.AccessRecordsAsync(Account, access));
        await Host.RestartAsync();
        var (secondBatch, secondAccess) = (await Meter.DeductBatchAsync(Account, batch), await Meter.AccessRecordsAsync(Account, access));
        Assert.True(secondBatch.IsReplay && secondAccess.IsReplay);
        Assert.Equal(firstBatch.Value.Items, secondBatch.Value.Items);
        Assert.Equal(firstBatch.Value with { Items = [] }, secondBatch.Value with { Items = [] });
        Assert.Equal(firstAccess.Value.Records, secondAccess.Value.Records);
        Assert.Equal(firstAccess.Value with { Records = [] }, secondAccess.Value with { Records = [] });
        Assert.Equal(Credits.Of(97), await AvailableAsync());
    }

    [Fact]
    public async Task A_free_success_is_kept_under_its_key()
    {
        await OpenAsync();
        await AccessAsync("a");
        RecordAccessRequest free = new() { Records = [new("company", "a")], IdempotencyKey = "free" };
        var first = await Meter.AccessRecordsAsync(Account, free);
        await DeductAsync(1);
        var second = await Meter.AccessRecordsAsync(Account, free);
        Assert.True(second.IsReplay);
        Assert.Equal(first.Value.Credits, second.Value.Credits);
        Assert.Null(second.Value.TransactionId);
    }

    [Fact]
    public async Task More_keys_than_memory_holds_are_still_known()
    {
        await OpenAsync("empty");
        await GrantAsync(GrantSource.Purchase, 1_000_000);
        var first = await DeductAsync(1, "first");
        for (var round = 0; round < 9; round++)
        {
            var keys = Enumerable.Range(0, 8_192).Select(index => $"key-{round}-{index}");
            var outcomes = await Task.WhenAll(keys.Select(key => DeductAsync(1, key).AsTask()));
            Assert.All(outcomes, outcome => Assert.True(outcome is { IsSuccess: true, IsReplay: false }));
        }

        var again = await DeductAsync(1, "first");
        Assert.True(again.IsReplay);
        Assert.Equal(first.Value, again.Value);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await DeductAsync(2, "first")).Refusal?.Reason);
    }

    [Fact]
    public async Task An_outside_event_takes_effect_once_for_ever()
    {
        await OpenAsync();
        Assert.True((await GrantAsync(GrantSource.Purchase, 5, reference: "pi_1")).IsSuccess);
        Clock.Advance(TimeSpan.FromDays(40));
        await Host.RestartAsync();
        Assert.Equal(RefusalReason.ReferenceUsed, (await GrantAsync(GrantSource.Purchase, 5, reference: "pi_1")).Refusal?.Reason);
        Assert.True((await GrantAsync(GrantSource.Purchase, 5, reference: "pi_2")).IsSuccess);
    }
}
