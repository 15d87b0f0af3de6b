using System.Diagnostics.CodeAnalysis;
using Metering.Core;

namespace Metering.Engine;

/// <content>Status, debt, plan.</content>
internal sealed partial class CommandFactory
{
    public static Outcome<Command> Create(AccountStatusRequest request)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey)
            ?? (Enum.IsDefined(request.Status) ? null : Refusal.Invalid("status", "status must be one of active, suspended, closed."));
        return invalid is not null ? invalid : new SetStatus
        {
            Key = KeyOf(request.IdempotencyKey, request, WriteRequest),
            Status = request.Status,
            Reason = request.Reason ?? string.Empty,
        };
    }

    public static Outcome<Command> Create(CreditLimitRequest request) =>
        CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) is { } invalid
            ? invalid
            : new SetCreditLimit { Key = KeyOf(request.IdempotencyKey, request, WriteRequest), Limit = request.Limit };

    /// <param name="request">The request.</param>
    /// <param name="grant">The number of the grant that it names, as the ledger has it; 0 for none.</param>
    /// <param name="isGrantArchived">True where the ledger had it and it was archived.</param>
    public Outcome<Command> Create(TakeBackRequest request, long grant, bool isGrantArchived)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) ?? CheckExternalReference(request.ExternalReference, isRequired: true);
        if (invalid is not null)
        {
            return invalid;
        }

        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        return new TakeBack
        {
            Key = key,
            Tag = TagOf(key),
            Amount = request.Amount,
            Reason = request.Reason,
            Reference = request.ExternalReference,
            ExternalReference = ReferenceHash(request.ExternalReference),
            Grant = grant,
            IsGrantArchived = isGrantArchived,
        };
    }

    public Outcome<Command> Create(ChangePlanRequest request)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey)
            ?? CheckExternalReference(request.ExternalReference, isRequired: false)
            ?? (Enum.IsDefined(request.When) ? null : Refusal.Invalid("when", "when must be now or at the period's end."))
            ?? (Enum.IsDefined(request.Allotment) ? null : Refusal.Invalid("allotment", "allotment must be whole or prorated."));
        if (invalid is not null)
        {
            return invalid;
        }

        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        return !TryGetTerms(request.Plan, out var terms, out var unknown) ? RefuseUnlessKnown(key, unknown) : new ChangePlan
        {
            Key = key,
            Terms = terms,
            When = request.When,
            Allotment = request.Allotment,
            PaidThrough = request.PaidThrough,
            ExternalReference = ReferenceHash(request.ExternalReference),
        };
    }

    public static Outcome<Command> Create(SubscriptionRequest request, bool isCancelled) =>
        CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) is { } invalid
            ? invalid
            : new SetCancellation { Key = KeyOf(request.IdempotencyKey, isCancelled, WriteCancellation), IsCancelled = isCancelled };

    private bool TryGetTerms(string? plan, [NotNullWhen(true)] out PlanTerms? terms, [NotNullWhen(false)] out Refusal? unknown)
    {
        var isKnown = catalogue.Plans.TryGetValue(plan ?? string.Empty, out var found);
        terms = isKnown ? new(found!.Id, found.MonthlyCredits, found.PeriodMonths, found.Unlimited, found.Level) : null;
        unknown = isKnown ? null : Refusal.Invalid("plan", $"plan must be one of {string.Join(", ", catalogue.Plans.Keys)}.");
        return isKnown;
    }

    private static void WriteRequest(AccountStatusRequest request, ByteWriter writer)
    {
        writer.Byte(8);
        writer.Byte((byte)request.Status);
        writer.OptionalText(request.Reason);
    }

    private static void WriteRequest(CreditLimitRequest request, ByteWriter writer)
    {
        writer.Byte(9);
        writer.Credits(request.Limit);
    }

    private static void WriteRequest(TakeBackRequest request, ByteWriter writer)
    {
        writer.Byte(10);
        writer.Credits(request.Amount);
        writer.OptionalText(request.ExternalReference);
        writer.OptionalText(request.Reason);
        writer.Signed(request.GrantedBy?.Number ?? 0);
        writer.Fixed64(request.GrantedBy?.Tag ?? 0);
    }

    private static void WriteRequest(ChangePlanRequest request, ByteWriter writer)
    {
        writer.Byte(11);
        writer.OptionalText(request.Plan);
        writer.Byte((byte)request.When);
        writer.Byte((byte)request.Allotment);
        writer.Time(request.PaidThrough);
        writer.OptionalText(request.ExternalReference);
    }

    private static void WriteCancellation(bool isCancelled, ByteWriter writer) => writer.Byte(isCancelled ? (byte)12 : (byte)13);
}
