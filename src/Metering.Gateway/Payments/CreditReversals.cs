using System.Text.Json.Nodes;
using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Takes back the credits of charges that were refunded or disputed, as much of them as of the money: unspent ones at once, spent ones as a
/// debt that the next credits settle. What a dispute took comes back when it is won.
/// </summary>
internal sealed class CreditReversals(
    PaymentBooks books, Payments payments, ChargedGrants grants, ICreditMeter meter, IAuditLog audit, TimeProvider time, ILogger<CreditReversals> logger)
{
    private const int Rounds = 10;

    /// <summary>Who acts, for the audit log: no key, but the provider's word.</summary>
    private static readonly AccountId Actor = new("payments");

    /// <summary>Brings the credits of a charge to where its refunds and disputes are.</summary>
    /// <returns>Why it must be tried again; null where it is done, also where the charge granted nothing here.</returns>
    public async ValueTask<string?> FollowAsync(string chargeId, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            // The record before the charge: what is saved on this version then rests on no older word of the provider than the record itself.
            var stored = await books.Reversals.FindByKeyAsync(ChargeReversal.ChargeKey(chargeId), cancellationToken).ConfigureAwait(false);
            if (await payments.Required.FindChargeAsync(chargeId, cancellationToken).ConfigureAwait(false) is not { } charge)
            {
                return null;
            }

            if (stored is { Value: { Begun: { } step } begun })
            {
                var (done, fault) = await TakeAsync(begun, step, cancellationToken).ConfigureAwait(false);
                if (done is null)
                {
                    return fault;
                }

                await books.SaveAsync(cancellationToken, books.Reversals.Change(done, stored.Value.Version)).ConfigureAwait(false);
                continue;
            }

            if ((stored?.Value.ReversedCents ?? 0) == charge.ReversedCents)
            {
                return null;
            }

            var (grant, wait) = await grants.FindAsync(charge, cancellationToken).ConfigureAwait(false);
            if (grant is null)
            {
                if (wait is null)
                {
                    logger.LogWarning("{Cents} cents of the charge {Charge} were refunded or are disputed; it granted nothing that is known here, so an operator must judge it.", charge.ReversedCents, chargeId);
                }

                return wait;
            }

            var next = Begin(stored?.Value ?? NewReversal(charge, grant), charge, grant);
            await books.SaveAsync(cancellationToken, books.Reversals.Change(next, stored?.Version ?? 0)).ConfigureAwait(false);
        }

        return $"The credits of the charge {chargeId} are being changed by others over and over.";
    }

    private ChargeReversal NewReversal(Charge charge, ChargedGrant grant) => new()
    {
        Account = grant.Account,
        ChargeId = charge.Id,
        Paid = grant.Paid,
        AmountCents = charge.AmountCents,
        Granted = grant.Granted.TenThousandths,
        GrantedBy = grant.GrantedBy?.ToString(),
        IsAllotment = grant.IsAllotment,
        ChangedAt = Now,
    };

    /// <summary>The next step to where the provider is. Money that went to the customer never gives credits back, whatever has ended unused since.</summary>
    private ChargeReversal Begin(ChargeReversal reversal, Charge charge, ChargedGrant grant)
    {
        var known = grant with { Granted = new(reversal.Granted), Lapsed = Credits.Min(grant.Lapsed, new(reversal.Granted)) };
        var amount = known.Of(charge.ReversedCents, charge.AmountCents).TenThousandths - reversal.TakenBack;
        amount = charge.ReversedCents > reversal.ReversedCents ? Math.Max(amount, 0) : Math.Min(amount, 0);
        return amount == 0
            ? reversal with { ReversedCents = charge.ReversedCents, ChangedAt = Now }
            : reversal with { Begun = new(charge.ReversedCents, amount), ChangedAt = Now };
    }

    /// <returns>The reversal behind the step, or why it could not be taken.</returns>
    private async ValueTask<(ChargeReversal? Done, string? Fault)> TakeAsync(ChargeReversal reversal, ReversalStep step, CancellationToken cancellationToken)
    {
        var reference = LedgerReferences.OfStep(payments.Required.Name, reversal.ChargeId, reversal.Steps + 1, step.Amount);
        var entry = await audit.BeginAsync(
            new()
            {
                At = Now,
                KeyId = payments.Required.Name,
                Actor = Actor,
                Action = step.Amount > 0 ? "payment.reversed" : "payment.returned",
                Target = new AccountId(reversal.Account),
                Summary = new JsonObject
                {
                    ["charge"] = reversal.ChargeId,
                    ["paid"] = reversal.Paid,
                    ["cents"] = step.ToCents,
                    ["credits"] = new Credits(Math.Abs(step.Amount)).ToString(),
                }.ToJsonString(),
                RequestId = reference,
            },
            cancellationToken).ConfigureAwait(false);
        var (debt, refusal) = step.Amount > 0
            ? await TakeBackAsync(reversal, step.Amount, reference, cancellationToken).ConfigureAwait(false)
            : (0, await GiveBackAsync(reversal, -step.Amount, reference, cancellationToken).ConfigureAwait(false));
        var isTaken = refusal is null or { Reason: RefusalReason.ReferenceUsed };
        var status = isTaken ? StatusCodes.Status200OK : RefusalStatus.Of(refusal!.Reason).Status;
        await audit.CompleteAsync(entry, new(status, isTaken ? null : RefusalStatus.Of(refusal!.Reason).Code, Now), cancellationToken).ConfigureAwait(false);
        return !isTaken
            ? (null, refusal!.Message)
            : (reversal with
            {
                ReversedCents = step.ToCents,
                TakenBack = reversal.TakenBack + step.Amount,
                AddedToDebt = reversal.AddedToDebt + debt,
                Steps = reversal.Steps + 1,
                Begun = null,
                ChangedAt = Now,
            }, null);
    }

    private async ValueTask<(long Debt, Refusal? Refusal)> TakeBackAsync(ChargeReversal reversal, long amount, string reference, CancellationToken cancellationToken)
    {
        var request = new TakeBackRequest
        {
            Amount = new(amount),
            ExternalReference = reference,
            Reason = $"Refund of {(reversal.IsAllotment ? "the subscription" : "bought credits")}",
            GrantedBy = TransactionId.TryParse(reversal.GrantedBy, out var transaction) ? transaction : null,
        };
        var outcome = await meter.TakeBackAsync(new(reversal.Account), request, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var taken, out var refusal))
        {
            return (refusal.Reason == RefusalReason.ReferenceUsed ? await FindDebtAsync(reversal, amount, reference, cancellationToken).ConfigureAwait(false) : 0, refusal);
        }

        if (taken.Owed.IsPositive)
        {
            logger.LogWarning("The account {Account} owes {Owed} credits after a refund of credits that were spent.", reversal.Account, taken.Owed);
        }

        return (taken.AddedToDebt.TenThousandths, null);
    }

    /// <summary>What a step that an earlier try has taken, without its answer being kept, made a debt of.</summary>
    private async ValueTask<long> FindDebtAsync(ChargeReversal reversal, long amount, string reference, CancellationToken cancellationToken)
    {
        await foreach (var row in LedgerRows.ReadAsync(meter, new(reversal.Account), cancellationToken).ConfigureAwait(false))
        {
            if (row.Reference == reference)
            {
                return amount + row.Amount.TenThousandths;
            }
        }

        return 0;
    }

    /// <summary>Bought credits come back for good; an allotment's as bonus to the current period's end, as all that comes back late. A debt is settled by it.</summary>
    private async ValueTask<Refusal?> GiveBackAsync(ChargeReversal reversal, long amount, string reference, CancellationToken cancellationToken)
    {
        var account = new AccountId(reversal.Account);
        if (!(await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out var unknown))
        {
            return unknown;
        }

        var request = new GrantRequest
        {
            Source = reversal.IsAllotment ? GrantSource.Bonus : GrantSource.Purchase,
            Amount = new(amount),
            ExpiresAt = reversal.IsAllotment ? balance.PeriodEnd : null,
            Description = "A dispute was won",
            ExternalReference = reference,
        };
        return (await meter.GrantAsync(account, request, cancellationToken).ConfigureAwait(false)).Refusal;
    }

    private DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
}
