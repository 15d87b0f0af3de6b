using System.Reflection;
using Metering.Core;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>
/// What silos and clients of different versions say to each other in a rolling upgrade. Contract/v1.txt holds messages as version 1 wrote
/// them; every later version must read them, and write what version 1 can read. v2.txt and v3.txt hold those that came with later versions.
/// </summary>
public sealed class ContractTests
{
    private static readonly DateTimeOffset Instant = new(2026, 5, 1, 12, 30, 0, 250, TimeSpan.Zero);
    private static readonly TransactionId Id = new(7, 0x0123_4567_89AB_CDEF);
    private static readonly string[] Golden =
        [.. ((string[])["v1.txt", "v2.txt", "v3.txt"]).SelectMany(file => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Contract", file)))];

    private readonly Serializer serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    [Fact]
    public void What_earlier_versions_wrote_is_read()
    {
        var written = Golden.Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[0], parts => Convert.FromHexString(parts[1]));
        foreach (var (name, message) in Messages())
        {
            var read = serializer.Deserialize<object>(written[name]);
            Assert.Equal(message.GetType(), read?.GetType());
            Assert.Equal(Convert.ToHexString(serializer.SerializeToArray<object>(message)), Convert.ToHexString(serializer.SerializeToArray<object?>(read)));
        }
    }

    [Fact]
    public void What_is_written_is_what_earlier_versions_wrote()
    {
        var lines = Messages().Select(pair => $"{pair.Name} {Convert.ToHexString(serializer.SerializeToArray<object>(pair.Message))}").ToArray();
        Assert.Equal(Golden, lines);
    }

    [Fact]
    public void A_field_that_a_later_version_adds_is_passed_over_by_this_one_and_missing_in_what_this_one_writes()
    {
        var later = new LaterDeduct { Amount = Credits.Of(3), Reference = "r", Campaign = "spring", Tags = ["a", "b"] };
        var read = serializer.Deserialize<DeductRequestSurrogate>(serializer.SerializeToArray(later));
        Assert.Equal((Credits.Of(3), "r"), (read.Amount, read.Reference));
        var back = serializer.Deserialize<LaterDeduct>(serializer.SerializeToArray(read));
        Assert.Equal((Credits.Of(3), "r", null, null), (back.Amount, back.Reference, back.Campaign, back.Tags));
    }

    [Fact]
    public void Everything_that_travels_has_a_name_of_its_own() =>
        Assert.All(
            typeof(OrleansCreditMeter).Assembly.GetTypes().Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>() is not null),
            type => Assert.StartsWith("metering.", type.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias, StringComparison.Ordinal));

    [Fact]
    public void Every_refusal_travels_with_everything_it_says()
    {
        foreach (var reason in Enum.GetValues<RefusalReason>())
        {
            var refusal = new Refusal(reason, "why") { Field = "amount", Required = Credits.Of(2), Available = Credits.Of(1), RequiredLevel = AccessLevel.Platform, TransactionId = Id, RetryAfter = TimeSpan.FromSeconds(1) };
            Assert.Equal(refusal, serializer.Deserialize<Refusal>(serializer.SerializeToArray(refusal)));
        }
    }

    private static IEnumerable<(string Name, object Message)> Messages()
    {
        var deduct = new DeductRequest { Amount = Credits.Of(1.5m), Product = "lead.search", Quantity = 97, Description = "d", Reference = "r", IdempotencyKey = "k" };
        var record = new RecordRequest("company", "42", "company.news");
        var deduction = new Deduction(Id, Credits.Of(1), Credits.Of(99), new(Credits.Of(1), Credits.Zero, Credits.Zero));
        var refusal = new Refusal(RefusalReason.InsufficientCredits, "no") { Required = Credits.Of(2), Available = Credits.Of(1) };
        Outcome<Deduction> refused = refusal;
        yield return ("calls", new AccountCalls { Items = [new DeductCall { Request = deduct }, new DeductCall { Request = new() { Amount = Credits.Of(1) } }, new GetBalanceCall()] });
        yield return ("silo-calls", new SiloCalls { Accounts = ["a"], Items = [new DeductCall { Request = deduct }] });
        yield return ("open", new OpenAccountCall { Request = new() { Plan = "starter", Anchor = Instant, PaidThrough = Instant } });
        yield return ("batch", new DeductBatchCall { Request = new() { Items = [deduct, new()], IdempotencyKey = "k" } });
        yield return ("access", new AccessRecordsCall { Request = new() { Records = [record], Mode = AccessMode.UpTo, MaxCredits = Credits.Of(5), Description = "d", Reference = "r", IdempotencyKey = "k" } });
        yield return ("grant", new GrantCall { Request = new() { Source = GrantSource.Coupon, Amount = Credits.Of(5), ExpiresAt = Instant, Description = "d", ExternalReference = "e", IdempotencyKey = "k" } });
        yield return ("adjust", new AdjustCall { Request = new() { Amount = Credits.Of(-5), Reason = "why", IdempotencyKey = "k" } });
        yield return ("refund", new RefundCall { Request = new() { TransactionId = Id, Amount = Credits.Of(1), Description = "d", IdempotencyKey = "k" } });
        yield return ("payment", new RecordPaymentCall { Request = new() { PaidThrough = Instant, ExternalReference = "e" } });
        yield return ("refresh", new RefreshCall());
        yield return ("list", new ListTransactionsCall { Query = new() { Limit = 7, Offset = 3, Before = 12 } });
        yield return ("find", new GetTransactionCall { Id = Id });
        yield return ("answers", new AccountAnswers { Items = [new Answered<Deduction> { Outcome = deduction }, new Answered<Deduction> { Outcome = Outcome.Replay(deduction) }, new Answered<Deduction> { Outcome = refusal }, new Moved(), new Failed { Kind = FailureKind.Format, Message = "damaged" }], Silo = "S127.0.0.1:11111:1" });
        yield return ("batched", new Answered<BatchDeduction> { Outcome = new BatchDeduction(Credits.Of(1), Credits.Of(99), [deduction, refused]) });
        yield return ("accessed", new Answered<RecordAccess> { Outcome = new RecordAccess(Id, Credits.Of(1), Credits.Of(99), [new(record, RecordStatus.Subscribed, Credits.Of(1), Instant)]) });
        yield return ("posted", new Answered<Posting> { Outcome = new Posting(Id, TransactionType.Coupon, Credits.Of(1), Credits.Of(99)) });
        yield return ("balance", new Answered<Balance> { Outcome = SampleBalance() });
        yield return ("page", new Answered<TransactionPage> { Outcome = new TransactionPage([SampleTransaction()], 12, 5) });
        yield return ("status", new Answered<TransactionStatus> { Outcome = new TransactionStatus(TransactionState.Charged, SampleTransaction()) });
        yield return ("memento", new AccountMemento { Sequence = 9, Link = new byte[ChainLink.Bytes], FormatVersion = 2, State = [1, 2, 3], RemindedOf = Instant });

        // Version 2.
        yield return ("visits", new RecordVisitsCall { Request = new() { Records = [record], SeenAt = Instant, IdempotencyKey = "k" } });
        yield return ("records", new ListRecordsCall { Query = new() { Type = "company", ExpiresBefore = Instant, Cursor = "3-1", Limit = 7 } });
        yield return ("set-status", new SetStatusCall { Request = new() { Status = AccountStatus.Suspended, Reason = "why", IdempotencyKey = "k" } });
        yield return ("credit-limit", new SetCreditLimitCall { Request = new() { Limit = Credits.Of(5), IdempotencyKey = "k" } });
        yield return ("take-back", new TakeBackCall { Request = new() { Amount = Credits.Of(5), ExternalReference = "e", Reason = "why", GrantedBy = Id, IdempotencyKey = "k" } });
        yield return ("change-plan", new ChangePlanCall { Request = new() { Plan = "growth", When = PlanChangeTime.PeriodEnd, Allotment = PlanAllotment.Prorated, PaidThrough = Instant, ExternalReference = "e", IdempotencyKey = "k" } });
        yield return ("cancel", new CancelCall { Request = new() { IdempotencyKey = "k" } });
        yield return ("resume", new ResumeCall { Request = new() });
        yield return ("settings", new Answered<Balance> { Outcome = SampleBalance() with { Status = AccountStatus.Suspended, StatusReason = "why", EndsAt = Instant, PlannedPlan = "growth", CreditLimit = Credits.Of(5), Owed = Credits.Of(2) } });
        yield return ("taken-back", new Answered<TakenBack> { Outcome = new TakenBack(Id, Credits.Of(1), Credits.Of(2), Credits.Of(3), Credits.Of(4)) });
        yield return ("plan-change", new Answered<PlanChange> { Outcome = new PlanChange("starter", "growth", Instant, Credits.Of(1), Credits.Of(2), Credits.Of(3)) });
        yield return ("record-page", new Answered<RecordPage> { Outcome = new RecordPage([new("company", "42", Instant, Instant)], "3-2") });
        yield return ("start-records", new StartRecordsCall { Request = new() { Records = [new("company", "42", Instant)], ExternalReference = "e", IdempotencyKey = "k" } });

        // Version 3.
        yield return ("grace", new Answered<Balance> { Outcome = SampleBalance() with { GraceEndsAt = Instant.AddDays(7) } });
    }

    private static Balance SampleBalance() => new()
    {
        Plan = "starter", Unlimited = true, Level = AccessLevel.ApiOnly, MonthlyAllotment = Credits.Of(1), Monthly = Credits.Of(2), Bonus = Credits.Of(3),
        Permanent = Credits.Of(4), Held = Credits.Of(5), UsedMonthly = Credits.Of(6), UsedCarried = Credits.Of(7), ResetDay = 31, LastResetAt = Instant,
        PeriodEnd = Instant, PaidThrough = Instant, Sequence = 8,
    };

    private static Transaction SampleTransaction() => new()
    {
        Id = Id, Type = TransactionType.Deduction, Amount = Credits.Of(-1), Credits = Credits.Of(9), Description = "d", Reference = "r", Product = "p", Quantity = 2,
        Buckets = new(Credits.Of(1), Credits.Of(2), Credits.Of(3)), RefundOfNumber = 3, CreatedAt = Instant, AppliedAt = Instant,
    };

    /// <summary>A deduction as a later version may have it.</summary>
    [GenerateSerializer, Alias("metering.tests.later-deduct")]
    internal struct LaterDeduct
    {
        [Id(0)]
        public Credits? Amount;

        [Id(4)]
        public string? Reference;

        [Id(6)]
        public string? Campaign;

        [Id(7)]
        public string[]? Tags;
    }
}
