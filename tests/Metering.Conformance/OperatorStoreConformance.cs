using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Conformance;

/// <summary>
/// Every promise of the stores that live beside the directory (<see cref="OperatorStores.AddOperatorStores"/>). A directory store joins by deriving from it.
/// </summary>
public abstract class OperatorStoreConformance : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 10, 0, 0, 123, TimeSpan.Zero);
    private static readonly AccountId Ann = new("ann");
    private ServiceProvider services = null!;
    private IDirectoryStore directory = null!;

    private ICouponStore Coupons => services.GetRequiredService<ICouponStore>();

    private IAuditLog Audit => services.GetRequiredService<IAuditLog>();

    private IAnswerStore Answers => services.GetRequiredService<IAnswerStore>();

    private IPlanVersionStore Plans => services.GetRequiredService<IPlanVersionStore>();

    private ISandboxStore Sandboxes => services.GetRequiredService<ISandboxStore>();

    private IProfileRegister Profiles => services.GetRequiredService<IProfileRegister>();

    /// <summary>Opens an empty directory.</summary>
    protected abstract ValueTask<IDirectoryStore> OpenAsync();

    /// <summary>Changes a row of the audit log behind the store's back; null where nothing can reach it.</summary>
    protected virtual Task? TamperAsync(string sql) => null;

    /// <inheritdoc />
    public virtual async Task InitializeAsync()
    {
        directory = await OpenAsync();
        services = new ServiceCollection().AddSingleton(directory).AddOperatorStores().BuildServiceProvider();
    }

    /// <inheritdoc />
    public virtual async Task DisposeAsync()
    {
        await services.DisposeAsync();
        await directory.DisposeAsync();
    }

    [Fact]
    public async Task Coupons_come_back_as_they_were_added_and_are_listed_by_code()
    {
        var (full, sparse) = (FullCoupon("FULL"), new Coupon { Code = "ANY", Amount = Credits.Of(0.5m), CreatedAt = Now });
        Assert.True(await Coupons.TryAddAsync(full));
        Assert.True(await Coupons.TryAddAsync(sparse));
        Assert.False(await Coupons.TryAddAsync(full with { Amount = Credits.Of(1) }));
        AssertCoupon(full, await Coupons.FindAsync("FULL"));
        AssertCoupon(sparse, await Coupons.FindAsync("ANY"));
        Assert.Null(await Coupons.FindAsync("NONE"));
        Assert.Equal(["ANY", "FULL"], (await Coupons.ListAsync(null, 5)).Select(coupon => coupon.Code));
        Assert.Equal(["FULL"], (await Coupons.ListAsync("ANY", 5)).Select(coupon => coupon.Code));
        Assert.Equal(["ANY"], (await Coupons.ListAsync(null, 1)).Select(coupon => coupon.Code));
    }

    [Fact]
    public async Task A_coupon_can_be_ended_and_its_limit_moved_but_not_below_what_is_taken()
    {
        var coupon = FullCoupon("MOVING");
        await Coupons.TryAddAsync(coupon);
        await Coupons.TakeAsync(coupon.Code, Ann, null, Now);
        await Coupons.TakeAsync(coupon.Code, new("bob"), null, Now);
        var changed = coupon with { MaxRedemptions = 2, ExpiresAt = null, DeactivatedAt = Now, Redeemed = 2 };
        AssertCoupon(changed, await Coupons.UpdateAsync("MOVING", _ => changed));
        AssertCoupon(changed, await Coupons.UpdateAsync("MOVING", present => present with { MaxRedemptions = 1, DeactivatedAt = null }));
        AssertCoupon(changed with { MaxRedemptions = null, DeactivatedAt = null }, await Coupons.UpdateAsync("MOVING", present => present with { MaxRedemptions = null, DeactivatedAt = null }));
        Assert.Null(await Coupons.UpdateAsync("NONE", present => present));
    }

    [Fact]
    public async Task Changes_of_a_coupon_at_once_lose_none_of_each_other()
    {
        await Coupons.TryAddAsync(FullCoupon("TOGETHER"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            Task.Run(async () => await Coupons.UpdateAsync("TOGETHER", present => present with { MaxRedemptions = present.MaxRedemptions + 1 }))));
        Assert.Equal(1_020, (await Coupons.FindAsync("TOGETHER"))!.MaxRedemptions);
    }

    [Fact]
    public async Task Many_accounts_at_once_never_take_more_slots_than_there_are()
    {
        await Coupons.TryAddAsync(FullCoupon("RUSH") with { MaxRedemptions = 7 });
        var takings = await Task.WhenAll(Enumerable.Range(0, 40).Select(number =>
            Task.Run(async () => (await Coupons.TakeAsync("RUSH", new($"a{number % 20}"), null, Now)).Taking)));
        Assert.Equal(40 - takings.Count(taking => taking == CouponTaking.UsedUp), takings.Count(taking => taking == CouponTaking.Taken));
        Assert.Equal(7, (await Coupons.FindAsync("RUSH"))!.Redeemed);
        var slots = await Coupons.ListSlotsAsync("RUSH", null, 100);
        Assert.Equal(7, slots.Count);
        Assert.Equal(takings.Count(taking => taking == CouponTaking.Taken), slots.Sum(slot => slot.Attempts));
    }

    [Fact]
    public async Task A_slot_is_kept_whatever_becomes_of_the_coupon_and_holds_what_was_promised()
    {
        var coupon = FullCoupon("KEPT") with { BonusDays = 30, BonusExpiresAt = null };
        await Coupons.TryAddAsync(coupon);
        var (taking, slot) = await Coupons.TakeAsync("KEPT", Ann, "key-1", Now);
        Assert.Equal(CouponTaking.Taken, taking);
        Assert.Equal(new() { Code = "KEPT", Account = Ann, Amount = coupon.Amount, BonusExpiresAt = Now.AddDays(30), TakenAt = Now, Attempts = 1, IdempotencyKey = "key-1" }, slot);
        await Coupons.UpdateAsync("KEPT", present => present with { DeactivatedAt = Now, ExpiresAt = Now });

        var again = await Coupons.TakeAsync("KEPT", Ann, null, Now.AddDays(2));
        Assert.Equal((CouponTaking.Taken, slot! with { Attempts = 2 }), again);
        Assert.Equal((CouponTaking.Ended, null), await Coupons.TakeAsync("KEPT", new("bob"), null, Now));
        Assert.Equal((CouponTaking.Unknown, null), await Coupons.TakeAsync("NONE", Ann, null, Now));
        await Coupons.TryAddAsync(FullCoupon("LATE"));
        Assert.Equal(CouponTaking.Ended, (await Coupons.TakeAsync("LATE", Ann, null, FullCoupon("LATE").ExpiresAt!.Value)).Taking);
        await Coupons.TryAddAsync(FullCoupon("SPENT") with { ExpiresAt = null, BonusExpiresAt = Now });
        Assert.Equal(CouponTaking.Ended, (await Coupons.TakeAsync("SPENT", Ann, null, Now)).Taking);
    }

    [Fact]
    public async Task Only_a_first_attempt_that_nobody_joined_gives_its_slot_back()
    {
        await Coupons.TryAddAsync(FullCoupon("BACK") with { MaxRedemptions = 1 });
        await Coupons.TakeAsync("BACK", Ann, null, Now);
        Assert.True(await Coupons.GiveBackAsync("BACK", Ann));
        Assert.False(await Coupons.GiveBackAsync("BACK", Ann));
        Assert.Equal(0, (await Coupons.FindAsync("BACK"))!.Redeemed);

        await Coupons.TakeAsync("BACK", Ann, null, Now);
        await Coupons.TakeAsync("BACK", Ann, null, Now);
        Assert.False(await Coupons.GiveBackAsync("BACK", Ann));
        Assert.Equal(CouponTaking.UsedUp, (await Coupons.TakeAsync("BACK", new("bob"), null, Now)).Taking);
    }

    [Fact]
    public async Task An_attempt_is_counted_on_a_slot_that_is_there_and_takes_none()
    {
        await Coupons.TryAddAsync(FullCoupon("BACK"));
        Assert.Null(await Coupons.CountAttemptAsync("BACK", Ann));
        Assert.Null(await Coupons.CountAttemptAsync("NONE", Ann));
        Assert.Equal(0, (await Coupons.FindAsync("BACK"))!.Redeemed);
        var (_, taken) = await Coupons.TakeAsync("BACK", Ann, "key-1", Now);
        Assert.Equal(taken! with { Attempts = 2 }, await Coupons.CountAttemptAsync("BACK", Ann));
        Assert.False(await Coupons.GiveBackAsync("BACK", Ann));
    }

    [Fact]
    public async Task Slots_are_pending_until_they_are_granted()
    {
        await Coupons.TryAddAsync(FullCoupon("A"));
        await Coupons.TryAddAsync(FullCoupon("B"));
        foreach (var (code, account) in new[] { ("B", "x"), ("A", "y"), ("A", "x") })
        {
            await Coupons.TakeAsync(code, new(account), null, Now);
        }

        await Coupons.MarkGrantedAsync("A", new("y"), Now.AddMinutes(1));
        await Coupons.MarkGrantedAsync("A", new("y"), Now.AddMinutes(2));
        Assert.Equal(Now.AddMinutes(1), (await Coupons.FindSlotAsync("A", new("y")))!.GrantedAt);
        Assert.False(await Coupons.GiveBackAsync("A", new("y")));
        var end = FullCoupon("A").BonusExpiresAt!.Value;
        Assert.Empty(await Coupons.ListPendingAsync(Now, Now, null, 5));
        Assert.Empty(await Coupons.ListPendingAsync(end, end, null, 5));
        Assert.Equal(2, (await Coupons.ListPendingAsync(end, end.AddMilliseconds(-1), null, 5)).Count);
        var pending = await Coupons.ListPendingAsync(Now.AddMinutes(1), Now, null, 1);
        Assert.Equal(("A", "x"), (pending[0].Code, pending[0].Account.Value));
        pending = await Coupons.ListPendingAsync(Now.AddMinutes(1), Now, pending[0], 5);
        Assert.Equal(("B", "x"), (pending.Single().Code, pending.Single().Account.Value));
    }

    [Fact]
    public async Task The_audit_log_lists_actions_newest_first_with_their_outcomes()
    {
        var (first, second) = (Action("account.grant", "ann"), Action("coupon.create", null));
        var number = await Audit.BeginAsync(first);
        Assert.True(await Audit.BeginAsync(second) > number);
        await Audit.CompleteAsync(number, new(409, "reference_used", Now));
        await Audit.CompleteAsync(number, new(200, null, Now));
        var all = await Audit.ListAsync(new());
        Assert.Equal([second, first], all.Select(entry => entry.Action));
        Assert.Equal([null, new AuditOutcome(409, "reference_used", Now)], all.Select(entry => entry.Outcome));
        Assert.Equal(first, (await Audit.ListAsync(new() { Target = Ann })).Single().Action);
        Assert.Equal(second, (await Audit.ListAsync(new() { Action = "coupon.create", Actor = new("operator") })).Single().Action);
        Assert.Empty(await Audit.ListAsync(new() { Actor = Ann }));
        Assert.Equal(first, (await Audit.ListAsync(new() { Before = all[0].Number })).Single().Action);
        Assert.Equal(second, (await Audit.ListAsync(new() { Limit = 1 })).Single().Action);
    }

    [Theory]
    [InlineData("UPDATE metering.audit SET summary = '{}'")]
    [InlineData("DELETE FROM metering.audit")]
    [InlineData("UPDATE metering.audit_outcomes SET status = 200")]
    [InlineData("DELETE FROM metering.audit_outcomes")]
    public async Task The_database_itself_refuses_to_change_the_audit_log(string sql)
    {
        var number = await Audit.BeginAsync(Action("account.grant", "ann"));
        await Audit.CompleteAsync(number, new(500, "internal_error", Now));
        if (TamperAsync(sql) is { } tampering)
        {
            var error = await Assert.ThrowsAnyAsync<Exception>(() => tampering);
            Assert.Contains("append-only", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(500, (await Audit.ListAsync(new())).Single().Outcome!.Status);
    }

    [Fact]
    public async Task An_idempotency_key_is_begun_once_and_keeps_its_answer()
    {
        var (key, request, other) = (new byte[32], new byte[] { 1 }, new byte[] { 2 });
        Assert.Equal((AnswerState.Begun, null), await Begin());
        Assert.Equal((AnswerState.UnderWay, null), await Begin());
        Assert.Equal(AnswerState.OtherRequest, (await Answers.BeginAsync("s", key, other, Now, Now)).State);
        Assert.Equal(AnswerState.Begun, (await Answers.BeginAsync("other scope", key, other, Now, Now)).State);
        await Answers.AbandonAsync("s", key);
        Assert.Equal(AnswerState.Begun, (await Begin()).State);
        await Answers.CompleteAsync("s", key, new(201, "{}"));
        await Answers.AbandonAsync("s", key);
        Assert.Equal((AnswerState.Answered, new StoredAnswer(201, "{}")), await Begin());
        await Answers.ForgetAsync("{\"id");
        Assert.Equal(AnswerState.Answered, (await Begin()).State);
        await Answers.ForgetAsync("{");
        Assert.Equal(AnswerState.Begun, (await Begin()).State);
        await Answers.CompleteAsync("s", key, new(201, "{}"));
        await Answers.ForgetAsync(Now);
        Assert.Equal(AnswerState.Answered, (await Begin()).State);
        await Answers.ForgetAsync(Now.AddMilliseconds(1));
        Assert.Equal(AnswerState.Begun, (await Begin()).State);

        ValueTask<(AnswerState State, StoredAnswer? Answer)> Begin() => Answers.BeginAsync("s", key, request, Now, Now);
    }

    [Fact]
    public async Task Work_that_died_is_begun_anew_by_the_same_request_only()
    {
        var (key, request, other) = (new byte[32], new byte[] { 1 }, new byte[] { 2 });
        await Answers.BeginAsync("s", key, request, Now, Now);
        var later = Now.AddMinutes(1);
        Assert.Equal(AnswerState.OtherRequest, (await Answers.BeginAsync("s", key, other, later, later)).State);
        var states = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => (await Answers.BeginAsync("s", key, request, later, later)).State)));
        Assert.Equal(1, states.Count(state => state == AnswerState.BegunAnew));
        Assert.Equal(7, states.Count(state => state == AnswerState.UnderWay));
        await Answers.ReleaseAsync("s", key);
        Assert.Equal(AnswerState.BegunAnew, (await Answers.BeginAsync("s", key, request, later, later)).State);
    }

    [Fact]
    public async Task Released_work_is_begun_anew_until_it_is_as_old_as_what_is_forgotten()
    {
        var (key, request) = (new byte[32], new byte[] { 1 });
        await Answers.BeginAsync("s", key, request, Now, Now);
        await Answers.ReleaseAsync("s", key);
        await Answers.ReleaseAsync("s", key);
        await Answers.ForgetAsync(Now.AddHours(-48));
        await Answers.ForgetAsync(Now);
        Assert.Equal(AnswerState.BegunAnew, (await Answers.BeginAsync("s", key, request, Now, Now.AddSeconds(-30))).State);
        Assert.Equal(AnswerState.UnderWay, (await Answers.BeginAsync("s", key, request, Now, Now.AddSeconds(-30))).State);
        await Answers.ReleaseAsync("s", key);
        await Answers.ForgetAsync(Now.AddMilliseconds(1));
        Assert.Equal(AnswerState.Begun, (await Answers.BeginAsync("s", key, request, Now, Now.AddSeconds(-30))).State);
    }

    [Fact]
    public async Task A_plan_gets_a_version_whenever_it_changed()
    {
        var plan = new Plan { Id = "starter", Name = "Starter", MonthlyCredits = Credits.Of(100), Level = AccessLevel.Platform };
        await Plans.RecordAsync([plan], Now);
        await Plans.RecordAsync([plan with { RequestsPerMinute = 60, RequestsPerDay = 1_000 }], Now.AddDays(1));
        var larger = plan with { MonthlyCredits = Credits.Of(150), PeriodMonths = 12, Unlimited = true, Level = AccessLevel.ApiOnly };
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () => await Plans.RecordAsync([larger, plan with { Id = "other" }], Now.AddDays(2)))));
        Assert.Equal([new(2, larger, Now.AddDays(2)), new(1, plan, Now)], await Plans.ListAsync("starter"));
        Assert.Single(await Plans.ListAsync("other"));
        Assert.Empty(await Plans.ListAsync("none"));
    }

    [Fact]
    public async Task An_account_has_one_sandbox_and_a_sandbox_one_owner()
    {
        Assert.Null(await Sandboxes.FindTwinAsync(Ann));
        Assert.Equal(new AccountId("t1"), await Sandboxes.AddAsync(Ann, new("t1"), Now));
        Assert.Equal(new AccountId("t1"), await Sandboxes.AddAsync(Ann, new("t2"), Now));
        Assert.Null(await Sandboxes.AddAsync(new("bob"), new("t1"), Now));
        Assert.Equal(new AccountId("t1"), await Sandboxes.FindTwinAsync(Ann));
        Assert.Equal(Ann, await Sandboxes.FindOwnerAsync(new("t1")));
        Assert.Null(await Sandboxes.FindOwnerAsync(new("t2")));
        Assert.Null(await Sandboxes.FindTwinAsync(new("bob")));
    }

    [Fact]
    public async Task Profiles_are_found_by_what_their_texts_begin_with()
    {
        foreach (var (id, email, company) in new[] { ("c1", "Ann@Example.com", "Acme Ltd"), ("c2", "bob@example.com", "acme % inc"), ("d1", "ann@other.com", null) })
        {
            await directory.TryAddProfileAsync(new() { Account = new(id), Email = email, CompanyName = company, CreatedAt = Now });
        }

        Assert.Equal(["c1", "c2", "d1"], await Found(new()));
        Assert.Equal(["c1", "c2"], await Found(new() { IdPrefix = "c" }));
        Assert.Equal(["c1", "d1"], await Found(new() { Email = "ANN@" }));
        Assert.Equal(["c1", "c2"], await Found(new() { Company = "Acme" }));
        Assert.Equal(["c2"], await Found(new() { Company = "ACME %" }));
        Assert.Empty(await Found(new() { Company = "%" }));
        Assert.Equal(["d1"], await Found(new() { Email = "ann", After = new("c1") }));
        Assert.Equal(["c1"], await Found(new() { Limit = 1 }));

        async Task<string[]> Found(ProfileSearch search) => [.. (await Profiles.SearchAsync(search)).Select(profile => profile.Account.Value)];
    }

    [Fact]
    public async Task An_erased_profile_keeps_its_account_and_the_day_it_came()
    {
        await directory.TryAddProfileAsync(new()
        {
            Account = Ann, Email = "ann@example.com", FirstName = "Ann", LastName = "Lee", CompanyName = "Acme", CompanyWebsite = "https://acme.example", CreatedAt = Now,
        });
        var answer = new KeptAnswer { Account = Ann, Key = new byte[32], Request = new byte[16], Answer = "Ann's key" };
        await directory.MakeKeyAsync(new(KeyOf(Ann, 1), 10) { Answer = answer });
        await directory.MakeKeyAsync(new(KeyOf(new("bob"), 2), 10) { Answer = answer with { Account = new("bob") } });
        Assert.True(await Profiles.EraseAsync(Ann));
        Assert.Equal(new() { Account = Ann, Email = string.Empty, CreatedAt = Now }, await directory.FindProfileAsync(Ann));
        Assert.Equal(IProfileRegister.ErasedName, (await directory.FindKeyAsync(KeyOf(Ann, 1).Hash))!.Name);
        Assert.Equal("Key 2", (await directory.FindKeyAsync(KeyOf(Ann, 2).Hash))!.Name);
        Assert.Null(await directory.FindAnswerAsync(Ann, answer.Key));
        Assert.NotNull(await directory.FindAnswerAsync(new("bob"), answer.Key));
        Assert.False(await Profiles.EraseAsync(new("bob")));

        static ApiKey KeyOf(AccountId account, byte number) => new()
        {
            Id = $"key_{number}",
            Account = account,
            Name = $"Key {number}",
            Hash = Enumerable.Repeat(number, 32).ToArray(),
            Display = "mtr_",
            Scopes = ApiKeyScopes.Read,
            CreatedAt = Now,
        };
    }

    private static Coupon FullCoupon(string code) => new()
    {
        Code = code,
        Amount = Credits.Of(25.5m),
        ExpiresAt = Now.AddDays(10),
        BonusExpiresAt = Now.AddDays(90),
        MaxRedemptions = 1_000,
        Plans = ["starter", "growth"],
        CreatedAt = Now,
    };

    private static AuditAction Action(string action, string? target) => new()
    {
        At = Now,
        KeyId = "key_1",
        Actor = new("operator"),
        Action = action,
        Target = target is null ? null : new AccountId(target),
        Summary = """{"amount": 5}""",
        RequestId = "req_1",
    };

    private static void AssertCoupon(Coupon expected, Coupon? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.Plans, actual.Plans);
        Assert.Equal(expected with { Plans = [] }, actual with { Plans = [] });
    }
}
