using Metering.Engine;
using Metering.Gateway.Coupons;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary><c>POST /v1/coupons/redeem</c>: a coupon's global limit holds, and an account with a slot gets its credits once, whatever breaks off.</summary>
public sealed class CouponTests : IAsyncLifetime
{
    private const string Path = "/v1/coupons/redeem";
    private GatewayHost host = null!;

    private ICouponStore Coupons => host.Services.GetRequiredService<ICouponStore>();

    public async Task InitializeAsync() => host = await GatewayHost.StartAsync();

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task A_coupon_gives_bonus_credits_that_end_when_it_says()
    {
        await AddAsync(new() { Code = "SPRING-25", Amount = Credits.Of(25), BonusDays = 30, CreatedAt = GatewayHost.Start });
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync(Path, """{"code": "spring-25"}""");
        Assert.Equal(200, answer.Status);
        var transaction = (await host.Meter.ListTransactionsAsync(caller.Account, new())).Value.Items[0];
        answer.HasJson($$"""
            {"code": "SPRING-25", "granted": 25, "credits": 125, "expiresAt": "2026-05-31T00:00:00.000Z", "transactionId": "{{transaction.Id}}"}
            """);
        Assert.Equal("125", answer.Remaining);
        Assert.Null(answer.Cost);
        Assert.Equal((TransactionType.Coupon, "coupon:SPRING-25"), (transaction.Type, transaction.Reference));
        host.Clock.Advance(TimeSpan.FromDays(30));
        Assert.Equal(Credits.Zero, (await host.Meter.GetBalanceAsync(caller.Account)).Value.Bonus);
    }

    [Theory]
    [InlineData("NONE", 404, "coupon_unknown")]
    [InlineData("EXPIRED", 410, "coupon_expired")]
    [InlineData("ENDED", 410, "coupon_expired")]
    [InlineData("EMPTY", 409, "coupon_used_up")]
    [InlineData("SCALE-ONLY", 403, "coupon_not_for_plan")]
    [InlineData("with blank", 400, "invalid_request")]
    [InlineData("", 400, "invalid_request")]
    public async Task A_coupon_that_gives_nothing_says_why(string code, int status, string error)
    {
        var coupon = new Coupon { Code = "EXPIRED", Amount = Credits.Of(1), ExpiresAt = GatewayHost.Start, CreatedAt = GatewayHost.Start };
        await AddAsync(coupon);
        await AddAsync(coupon with { Code = "ENDED", ExpiresAt = null, DeactivatedAt = GatewayHost.Start });
        await AddAsync(coupon with { Code = "EMPTY", ExpiresAt = null, MaxRedemptions = 0 });
        await AddAsync(coupon with { Code = "SCALE-ONLY", ExpiresAt = null, Plans = ["growth", "scale"] });
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync(Path, $$"""{"code": "{{code}}"}""");
        Assert.Equal((status, error), (answer.Status, answer.Code));
        Assert.Equal("100", answer.Remaining);
    }

    [Fact]
    public async Task Unknown_fields_are_refused_and_a_key_that_only_reads_is_not_enough()
    {
        var caller = await host.OpenAsync();
        Assert.Equal("Code", (await caller.PostAsync(Path, """{"Code": "A"}""")).Field);
        var reader = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read);
        Assert.Equal(403, (await reader.PostAsync(Path, """{"code": "A"}""")).Status);
    }

    [Fact]
    public async Task An_account_redeems_a_coupon_once_and_a_retry_gets_the_first_answer()
    {
        await AddAsync(new() { Code = "ONCE", Amount = Credits.Of(5), MaxRedemptions = 2, BonusDays = 1, CreatedAt = GatewayHost.Start });
        var caller = await host.OpenAsync();
        var first = await caller.PostAsync(Path, """{"code": "ONCE"}""", "key-1");
        host.Clock.Advance(TimeSpan.FromHours(3));
        var replay = await caller.PostAsync(Path, """{"code": "ONCE"}""", "key-1");
        Assert.Equal((200, first.Body, true), (replay.Status, replay.Body, replay.IsReplay));
        Assert.Equal((409, "coupon_already_redeemed"), await Refused(caller.PostAsync(Path, """{"code": "ONCE"}""")));
        Assert.Equal((409, "coupon_already_redeemed"), await Refused(caller.PostAsync(Path, """{"code": "ONCE"}""", "key-2")));
        Assert.Equal(1, (await Coupons.FindAsync("ONCE"))!.Redeemed);
    }

    [Fact]
    public async Task A_key_that_came_with_another_request_takes_no_slot()
    {
        await AddAsync(new() { Code = "ONE", Amount = Credits.Of(5), CreatedAt = GatewayHost.Start });
        await AddAsync(new() { Code = "TWO", Amount = Credits.Of(5), MaxRedemptions = 1, CreatedAt = GatewayHost.Start });
        var caller = await host.OpenAsync();
        await caller.PostAsync(Path, """{"code": "ONE"}""", "key-1");
        Assert.Equal((422, "idempotency_key_reused"), await Refused(caller.PostAsync(Path, """{"code": "TWO"}""", "key-1")));
        Assert.Equal(0, (await Coupons.FindAsync("TWO"))!.Redeemed);
        Assert.Equal(200, (await (await host.OpenAsync()).PostAsync(Path, """{"code": "TWO"}""")).Status);
    }

    [Fact]
    public async Task Many_accounts_at_once_get_no_more_than_the_limit()
    {
        await AddAsync(new() { Code = "RUSH", Amount = Credits.Of(5), MaxRedemptions = 4, CreatedAt = GatewayHost.Start });
        var callers = new List<TestCaller>();
        for (var number = 0; number < 12; number++)
        {
            callers.Add(await host.OpenAsync());
        }

        var answers = await Task.WhenAll(callers.Concat(callers).Select(caller => caller.PostAsync(Path, """{"code": "RUSH"}""")));
        Assert.Equal(4, answers.Count(answer => answer.Status == 200));
        Assert.All(answers.Where(answer => answer.Status != 200), answer => Assert.Equal(409, answer.Status));
        var balances = new List<Credits>();
        foreach (var caller in callers)
        {
            balances.Add((await host.Meter.GetBalanceAsync(caller.Account)).Value.Bonus);
        }

        Assert.Equal(4, balances.Count(bonus => bonus == Credits.Of(5)));
        Assert.Equal(8, balances.Count(bonus => bonus.IsZero));
    }

    [Fact]
    public async Task A_coupon_is_redeemed_although_its_slot_cannot_be_marked()
    {
        var isAway = true;
        await using var failing = await GatewayHost.StartAsync(services => services.Tamper<ICouponStore>(
            (_, method, _) => isAway && method.Name == nameof(ICouponStore.MarkGrantedAsync) ? throw new LedgerUnavailableException("The disk is away.") : null));
        var coupons = failing.Services.GetRequiredService<ICouponStore>();
        await coupons.TryAddAsync(new() { Code = "KEPT", Amount = Credits.Of(5), CreatedAt = GatewayHost.Start });
        var caller = await failing.OpenAsync();
        Assert.Equal(200, (await caller.PostAsync(Path, """{"code": "KEPT"}""")).Status);
        Assert.Null((await coupons.FindSlotAsync("KEPT", caller.Account))!.GrantedAt);

        isAway = false;
        failing.Clock.Advance(TimeSpan.FromMinutes(2));
        await failing.Services.GetRequiredService<CouponReconciler>().RunOnceAsync(CancellationToken.None);
        Assert.NotNull((await coupons.FindSlotAsync("KEPT", caller.Account))!.GrantedAt);
        Assert.Equal(Credits.Of(5), (await failing.Meter.GetBalanceAsync(caller.Account)).Value.Bonus);
    }

    [Fact]
    public async Task A_slot_that_was_given_back_meanwhile_is_not_taken_anew()
    {
        await using var racing = await GatewayHost.StartAsync(services => services.Tamper<ICouponStore>((store, method, arguments) =>
            method.Name == nameof(ICouponStore.ListPendingAsync) ? new ValueTask<IReadOnlyList<CouponSlot>>(ListAndGiveBackAsync(store, (DateTimeOffset)arguments[0]!)) : null));
        var coupons = racing.Services.GetRequiredService<ICouponStore>();
        var caller = await racing.OpenAsync();
        await coupons.TryAddAsync(new() { Code = "BACK", Amount = Credits.Of(5), CreatedAt = GatewayHost.Start });
        await coupons.TakeAsync("BACK", caller.Account, null, GatewayHost.Start.AddMinutes(-2));
        Assert.Equal(0, await racing.Services.GetRequiredService<CouponReconciler>().RunOnceAsync(CancellationToken.None));
        Assert.Equal(0, (await coupons.FindAsync("BACK"))!.Redeemed);
        Assert.Equal(Credits.Zero, (await racing.Meter.GetBalanceAsync(caller.Account)).Value.Bonus);

        static async Task<IReadOnlyList<CouponSlot>> ListAndGiveBackAsync(ICouponStore store, DateTimeOffset takenBefore)
        {
            var pending = await store.ListPendingAsync(takenBefore, takenBefore, null, 10);
            foreach (var slot in pending)
            {
                await store.GiveBackAsync(slot.Code, slot.Account);
            }

            return pending;
        }
    }

    [Fact]
    public async Task A_slot_whose_process_died_is_granted_by_the_next_start_once()
    {
        await AddAsync(new() { Code = "DIED", Amount = Credits.Of(5), MaxRedemptions = 2, CreatedAt = GatewayHost.Start });
        var (before, after) = (await host.OpenAsync(), await host.OpenAsync());
        await Coupons.TakeAsync("DIED", before.Account, null, GatewayHost.Start.AddMinutes(-2));
        var (_, slot) = await Coupons.TakeAsync("DIED", after.Account, null, GatewayHost.Start.AddMinutes(-2));
        await host.Meter.GrantAsync(after.Account, new() { Source = GrantSource.Coupon, Amount = slot!.Amount, ExternalReference = "coupon:DIED" });

        var reconciler = host.Services.GetRequiredService<CouponReconciler>();

        // The host's own first round may have come before this one.
        await reconciler.RunOnceAsync(CancellationToken.None);
        Assert.Equal(0, await reconciler.RunOnceAsync(CancellationToken.None));
        foreach (var caller in new[] { before, after })
        {
            Assert.Equal(Credits.Of(5), (await host.Meter.GetBalanceAsync(caller.Account)).Value.Bonus);
            Assert.NotNull((await Coupons.FindSlotAsync("DIED", caller.Account))!.GrantedAt);
        }
    }

    [Fact]
    public async Task A_retry_finishes_what_died_between_slot_and_grant_even_when_the_coupon_has_ended_since()
    {
        var coupon = new Coupon { Code = "RETRIED", Amount = Credits.Of(5), MaxRedemptions = 1, BonusDays = 10, CreatedAt = GatewayHost.Start };
        await AddAsync(coupon);
        var caller = await host.OpenAsync();
        await Coupons.TakeAsync("RETRIED", caller.Account, "key-1", GatewayHost.Start.AddDays(-1));
        await Coupons.UpdateAsync("RETRIED", present => present with { DeactivatedAt = GatewayHost.Start });
        var answer = await caller.PostAsync(Path, """{"code": "RETRIED"}""", "key-1");
        Assert.Equal((200, "2026-05-10T00:00:00.000Z"), (answer.Status, answer.Json.GetProperty("expiresAt").GetString()));
        Assert.Equal(0, await host.Services.GetRequiredService<CouponReconciler>().RunOnceAsync(CancellationToken.None));
    }

    [Fact]
    public async Task The_retry_of_a_request_that_the_next_start_finished_gets_its_answer()
    {
        await AddAsync(new() { Code = "FINISHED", Amount = Credits.Of(5), CreatedAt = GatewayHost.Start });
        var (caller, busy) = (await host.OpenAsync(), await host.OpenAsync());
        await Coupons.TakeAsync("FINISHED", caller.Account, "key-1", GatewayHost.Start.AddMinutes(-2));
        await Coupons.TakeAsync("FINISHED", busy.Account, "key-2", GatewayHost.Start.AddMinutes(-2));
        await busy.PostAsync("/v1/credits/deduct", """{"amount": 1}""", "key-2");
        await host.Services.GetRequiredService<CouponReconciler>().RunOnceAsync(CancellationToken.None);

        var answer = await caller.PostAsync(Path, """{"code": "FINISHED"}""", "key-1");
        Assert.Equal((200, true, "105"), (answer.Status, answer.IsReplay, answer.Remaining));
        Assert.Equal(Credits.Of(5), (await host.Meter.GetBalanceAsync(busy.Account)).Value.Bonus);
    }

    [Fact]
    public async Task A_request_between_slot_and_grant_is_left_to_finish()
    {
        await AddAsync(new() { Code = "YOUNG", Amount = Credits.Of(5), CreatedAt = GatewayHost.Start });
        var caller = await host.OpenAsync();
        await Coupons.TakeAsync("YOUNG", caller.Account, null, GatewayHost.Start);
        Assert.Equal(0, await host.Services.GetRequiredService<CouponReconciler>().RunOnceAsync(CancellationToken.None));
        Assert.Equal(Credits.Zero, (await host.Meter.GetBalanceAsync(caller.Account)).Value.Bonus);
        Assert.Equal(200, (await caller.PostAsync(Path, """{"code": "YOUNG"}""")).Status);
    }

    [Fact]
    public async Task A_slot_of_an_account_that_cannot_be_granted_is_given_back()
    {
        await AddAsync(new() { Code = "BACK", Amount = Credits.MaxAmount, MaxRedemptions = 1, CreatedAt = GatewayHost.Start });
        var caller = await host.OpenAsync();
        for (var number = 0; number < 100; number++)
        {
            await host.Meter.GrantAsync(caller.Account, new() { Source = GrantSource.TopUp, Amount = Credits.MaxAmount });
        }

        Assert.Equal((422, "balance_too_large"), await Refused(caller.PostAsync(Path, """{"code": "BACK"}""")));
        Assert.Equal(0, (await Coupons.FindAsync("BACK"))!.Redeemed);
    }

    private static async Task<(int Status, string? Code)> Refused(Task<Answer> asking) => (await asking) is var answer ? (answer.Status, answer.Code) : default;

    private async Task AddAsync(Coupon coupon) => Assert.True(await Coupons.TryAddAsync(coupon));
}
