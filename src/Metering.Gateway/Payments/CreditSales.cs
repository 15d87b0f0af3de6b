using System.Globalization;
using System.Security.Cryptography;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>What a purchase of credits is answered with.</summary>
/// <param name="Purchase">The purchase where it was granted; else null.</param>
/// <param name="IsReplay">True where it is an earlier answer again.</param>
/// <param name="Failure">Why not; null where it was granted.</param>
/// <param name="PaymentUrl">Where the customer authenticates; null where that is not the matter.</param>
internal sealed record CreditSale(CreditPurchase? Purchase, bool IsReplay, Failure? Failure, string? PaymentUrl = null)
{
    public static CreditSale Refused(int status, string code, string message) => new(null, false, new(status, code, message));

    public static CreditSale Refused(Failure failure) => new(null, false, failure);
}

/// <summary>What a caller wants to buy: a number of credits, or as many as an amount of dollars buys.</summary>
/// <param name="CreditCount">Credits; null where dollars are given.</param>
/// <param name="DollarAmount">Dollars; null where credits are given.</param>
internal readonly record struct CreditOrder(long? CreditCount, decimal? DollarAmount)
{
    /// <summary>The same text for the same order: 10, 10.0 and 10.00 dollars are one amount.</summary>
    public string ToCanonical() => string.Create(CultureInfo.InvariantCulture, $"{CreditCount}|{DollarAmount:0.############################}");
}

/// <summary>
/// Sells credits to a saved card (000). The purchase is recorded before the card is charged, charged under a key that never charges twice,
/// and granted under the charge's own id, which the ledger takes once for ever: whatever dies in between, the money taken and the
/// credits granted end up the same.
/// </summary>
internal sealed class CreditSales(PaymentBooks books, Payments payments, ICreditMeter meter, PaymentOptions options, TimeProvider time, ILogger<CreditSales> logger)
{
    /// <summary>The fewest credits of a purchase.</summary>
    public const long LeastCredits = 100;

    private const long MostCents = 99_999_999; // Stripe's own limit of a charge.
    private const int Rounds = 5;

    private static readonly TimeSpan AuthenticationTime = TimeSpan.FromHours(24);

    /// <summary>What credits cost, in cents, rounded half up.</summary>
    public static long CentsOf(long credits, int tenthCents) => checked((credits * tenthCents) + 5) / 10;

    /// <summary>Charges the account's saved card and grants the credits.</summary>
    public async ValueTask<CreditSale> BuyAsync(AccountId account, CreditOrder order, string? idempotencyKey, string publicUrl, CancellationToken cancellationToken)
    {
        // First of all: what was bought stays bought, also where the plan, the account or the balance would refuse the same order today.
        var key = idempotencyKey is null ? null : PlanSales.HashOf(idempotencyKey) + PlanSales.HashOf(order.ToCanonical());
        if (await FindKeptAsync(account, key, publicUrl, cancellationToken).ConfigureAwait(false) is { } kept)
        {
            return kept;
        }

        var outcome = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return CreditSale.Refused(Failure.Of(refusal));
        }

        if (!options.Plans.TryGetValue(balance.Plan, out var plan) || plan.CreditTenthCents is not { } price)
        {
            return CreditSale.Refused(StatusCodes.Status403Forbidden, "plan_not_eligible", $"The plan {balance.Plan} cannot buy credits; Starter, Growth and Scale can.");
        }

        if (Price(order, price, out var credits) is { } invalid)
        {
            return CreditSale.Refused(invalid);
        }

        for (var round = 0; round < Rounds; round++)
        {
            var (known, reused) = await FindKnownAsync(account, key, cancellationToken).ConfigureAwait(false);
            if (reused is not null || known is { Value.State: CreditPurchaseState.Granted })
            {
                return reused ?? new(known!.Value.Value, true, null);
            }

            var (billing, obstacle) = await FindObstacleAsync(balance, credits, account, cancellationToken).ConfigureAwait(false);
            if (obstacle is not null)
            {
                return obstacle;
            }

            var purchase = known?.Value ?? NewPurchase(account, billing!, credits, price, key);
            if (await AttemptAsync(new(purchase, known?.Version ?? 0), publicUrl, cancellationToken).ConfigureAwait(false) is { } sale)
            {
                return sale;
            }
        }

        return InProgress();
    }

    /// <summary>Brings a purchase to where its charge is, after an event about the charge.</summary>
    /// <returns>Why it must be tried again; null where it is done, also where the charge is another's.</returns>
    public async ValueTask<string?> SettleAsync(string chargeId, string? purchaseId, CancellationToken cancellationToken)
    {
        var charge = await payments.Required.FindChargeAsync(chargeId, cancellationToken).ConfigureAwait(false);
        if ((charge?.PurchaseId ?? purchaseId) is not { } id || charge is null)
        {
            return null;
        }

        // Without its attempt: the call that charges may be about to ask for the owner's authentication, and what failed until then is no end of it.
        return await ConvergeAsync(id, charge with { Attempt = null }, cancellationToken).ConfigureAwait(false) is { Value.State: CreditPurchaseState.Charged }
            ? $"The credits of {id} are not granted yet."
            : null;
    }

    /// <summary>Finds out about purchases whose charge nobody has heard of, and grants what is charged.</summary>
    public async ValueTask ReconcileAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.CreditPurchases.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                await ReconcileAsync(stored, cancellationToken).ConfigureAwait(false);
            }
            catch (PaymentProviderException error)
            {
                logger.LogWarning("The purchase {Purchase} waits for the provider: {Message}", stored.Value.Id, error.Message);
                await PostponeAsync(stored, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                logger.LogError(error, "The purchase {Purchase} could not be settled; it is tried again.", stored.Value.Id);
                await PostponeAsync(stored, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask PostponeAsync(Stored<CreditPurchase> stored, CancellationToken cancellationToken) =>
        await SaveAsync(stored, stored.Value, BackOff.Next(stored.Value.AttemptedAt, time.GetUtcNow()), cancellationToken).ConfigureAwait(false);

    private async ValueTask ReconcileAsync(Stored<CreditPurchase> stored, CancellationToken cancellationToken)
    {
        var (purchase, age) = (stored.Value, time.GetUtcNow() - stored.Value.AttemptedAt);
        if (purchase.State == CreditPurchaseState.Charged)
        {
            if (await GrantAsync(stored, cancellationToken).ConfigureAwait(false) is { Value.State: CreditPurchaseState.Charged } waiting)
            {
                await PostponeAsync(waiting, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        var charge = await FindChargeAsync(purchase, cancellationToken).ConfigureAwait(false);
        if (charge is { Status: not (ChargeStatus.AuthenticationRequired or ChargeStatus.Processing) })
        {
            await ConvergeAsync(purchase.Id, charge, cancellationToken).ConfigureAwait(false);
        }
        else if (charge is null && age >= options.LostAfter)
        {
            // A charge that succeeds after all is told by an event, which grants it whatever is written here.
            await SaveAsync(stored, purchase with { State = CreditPurchaseState.Failed }, null, cancellationToken).ConfigureAwait(false);
        }
        else if (charge is { Status: ChargeStatus.AuthenticationRequired } && age >= AuthenticationTime)
        {
            await GiveUpAsync(stored, charge, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await SaveAsync(stored, purchase, time.GetUtcNow() + CreditPurchase.SettlingTime, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Ends a charge that nobody authenticates, at the provider first: a page that stays open could still be paid. Whoever pays it meanwhile has bought.
    /// </summary>
    private async ValueTask GiveUpAsync(Stored<CreditPurchase> stored, Charge charge, CancellationToken cancellationToken)
    {
        var ended = await payments.Required.CancelChargeAsync(charge.Id, cancellationToken).ConfigureAwait(false);
        if (ended is null or { Status: ChargeStatus.AuthenticationRequired or ChargeStatus.Processing })
        {
            await PostponeAsync(stored, cancellationToken).ConfigureAwait(false);
            return;
        }

        await ConvergeAsync(stored.Value.Id, ended with { Attempt = charge.Attempt ?? ended.Attempt }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The charge of a purchase, also where the answer that named it was lost.</summary>
    private async ValueTask<Charge?> FindChargeAsync(CreditPurchase purchase, CancellationToken cancellationToken)
    {
        if (purchase.ChargeId is { } id)
        {
            return await payments.Required.FindChargeAsync(id, cancellationToken).ConfigureAwait(false);
        }

        // Whichever attempt took money, it counts; what else became of another attempt says nothing of this one.
        var charges = await ListChargesAsync(purchase, cancellationToken).ConfigureAwait(false);
        return charges.Find(charge => charge.Status == ChargeStatus.Succeeded) ?? charges.Find(charge => IsOfAttempt(charge, purchase));
    }

    private async ValueTask<List<Charge>> ListChargesAsync(CreditPurchase purchase, CancellationToken cancellationToken)
    {
        // A minute earlier: the provider's clock is another one.
        var charges = await payments.Required.ListChargesAsync(purchase.CustomerId, purchase.CreatedAt.AddMinutes(-1), cancellationToken).ConfigureAwait(false);
        return [.. charges.Where(charge => charge.PurchaseId == purchase.Id)];
    }

    /// <summary>True where a charge is known to be of the attempt under way.</summary>
    private static bool IsOfAttempt(Charge charge, CreditPurchase purchase) => charge.Id == purchase.ChargeId || charge.Attempt == purchase.Attempt;

    private static Failure? Price(CreditOrder order, int tenthCents, out long credits)
    {
        credits = 0;
        var most = (MostCents * 10) / tenthCents;
        switch (order)
        {
            case { CreditCount: not null, DollarAmount: not null } or { CreditCount: null, DollarAmount: null }:
                return Failure.Invalid("creditCount", "Send either creditCount (a whole number of credits) or dollarAmount, and not both.");
            case { DollarAmount: { } dollars } when dollars <= 0 || dollars != decimal.Round(dollars, 2) || dollars > MostCents / 100m:
                return Failure.Invalid("dollarAmount", $"dollarAmount is {dollars}; an amount above 0 and at most {MostCents / 100m} dollars with at most 2 decimals is allowed.");
            case { DollarAmount: { } dollars }:
                credits = (long)(dollars * 1_000 / tenthCents);
                return credits >= LeastCredits ? null : Failure.Invalid("dollarAmount", $"dollarAmount buys {credits} credits; at least {LeastCredits} must be bought.");
            case { CreditCount: { } count } when count >= LeastCredits && count <= most:
                credits = count;
                return null;
            default:
                return Failure.Invalid("creditCount", $"creditCount is {order.CreditCount}; a whole number from {LeastCredits} to {most} is allowed.");
        }
    }

    /// <summary>What is said of an order without charging for it: what it came to, or that its key is another order's. Null where it is to be charged.</summary>
    private async ValueTask<CreditSale?> FindKeptAsync(AccountId account, string? key, string publicUrl, CancellationToken cancellationToken)
    {
        var (known, reused) = await FindKnownAsync(account, key, cancellationToken).ConfigureAwait(false);
        return known switch
        {
            { Value.State: CreditPurchaseState.Granted } granted => new(granted.Value, true, null),
            { Value.State: CreditPurchaseState.Charged or CreditPurchaseState.AwaitingAuthentication } begun => await AttemptAsync(begun, publicUrl, cancellationToken).ConfigureAwait(false),
            _ => reused,
        };
    }

    private async ValueTask<(Stored<CreditPurchase>? Known, CreditSale? Reused)> FindKnownAsync(AccountId account, string? key, CancellationToken cancellationToken)
    {
        if (key is null)
        {
            return (null, null);
        }

        var known = await books.CreditPurchases.FindByKeyAsync(CreditPurchase.IdempotencyKeyKey(account.Value, key[..64]), cancellationToken).ConfigureAwait(false);
        return known is { } found && found.Value.IdempotencyKey != key
            ? (null, CreditSale.Refused(
                StatusCodes.Status422UnprocessableEntity, "idempotency_key_reused", "This idempotency key came with another request before; use a new key for a new request."))
            : (known, null);
    }

    private async ValueTask<(BillingAccount? Billing, CreditSale? Obstacle)> FindObstacleAsync(Balance balance, long credits, AccountId account, CancellationToken cancellationToken)
    {
        if (BlockedAccount.Find(balance) is { } blocked)
        {
            return (null, CreditSale.Refused(blocked));
        }

        if (balance.SpendingEndsAt <= time.GetUtcNow())
        {
            return (null, CreditSale.Refused(
                StatusCodes.Status402PaymentRequired,
                "subscription_inactive",
                $"The subscription is over since {balance.SpendingEndsAt?.ToWire()}; credits can be bought again once its invoice is paid, or it is renewed: POST /api/v1/purchase with this key."));
        }

        if (balance.Monthly + balance.Bonus + balance.Permanent + Credits.Of(credits) > CommandRules.MaxBalance)
        {
            return (null, CreditSale.Refused(StatusCodes.Status422UnprocessableEntity, "balance_too_large", $"The balance would exceed {CommandRules.MaxBalance} credits."));
        }

        if (payments.Provider is null)
        {
            return (null, CreditSale.Refused(StatusCodes.Status503ServiceUnavailable, "payments_unavailable", "No payment provider is set up; nothing can be bought here now."));
        }

        var billing = await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false);
        return billing is { } found
            ? (found.Value, null)
            : (null, NoPaymentMethod());
    }

    private CreditPurchase NewPurchase(AccountId account, BillingAccount billing, long credits, int price, string? key)
    {
        var now = Milliseconds(time.GetUtcNow());
        return new()
        {
            Id = "crp_" + RandomNumberGenerator.GetHexString(32, lowercase: true),
            Account = account.Value,
            CustomerId = billing.CustomerId,
            Credits = credits,
            AmountCents = CentsOf(credits, price),
            PriceTenthCents = price,
            CreatedAt = now,
            AttemptedAt = now,
            IdempotencyKey = key,
        };
    }

    /// <returns>Null where another call for the same purchase was quicker: look again.</returns>
    private async ValueTask<CreditSale?> AttemptAsync(Stored<CreditPurchase> stored, string publicUrl, CancellationToken cancellationToken)
    {
        if (stored.Value is { State: CreditPurchaseState.AwaitingAuthentication, ChargeId: { } waiting })
        {
            // The customer may have authenticated by now; a new charge beside one that may succeed would be one too many.
            return await AskAsync(stored, () => payments.Required.FindChargeAsync(waiting, cancellationToken), isFirst: false, cancellationToken).ConfigureAwait(false);
        }

        if (stored.Value.State == CreditPurchaseState.Failed && await FindTakenAsync(stored.Value, cancellationToken).ConfigureAwait(false) is { } taken)
        {
            return taken;
        }

        if (stored.Value.State == CreditPurchaseState.Charged)
        {
            return await GrantAsync(stored, cancellationToken).ConfigureAwait(false) is { } granted ? AnswerOf(granted, null) : null;
        }

        // The same attempt again where nobody knows what became of it: its key charges once.
        var attempt = stored.Value with
        {
            State = CreditPurchaseState.Charging,
            ChargeId = null,
            PaymentUrl = null,
            Attempt = stored.Value.State == CreditPurchaseState.Failed ? stored.Value.Attempt + 1 : stored.Value.Attempt,
            AttemptedAt = Milliseconds(time.GetUtcNow()),
        };
        if (await SaveAsync(stored, attempt, null, cancellationToken).ConfigureAwait(false) is not { } recorded)
        {
            return null;
        }

        var request = new ChargeRequest
        {
            PurchaseId = attempt.Id,
            Attempt = attempt.Attempt,
            Account = new(attempt.Account),
            CustomerId = attempt.CustomerId,
            AmountCents = attempt.AmountCents,
            Description = $"{attempt.Credits} credits",
            IdempotencyKey = attempt.ProviderKey,
            PublicUrl = publicUrl,
        };

        // From here on the card may be charged: the caller's going away no longer ends anything.
        var isFirst = stored.Version == 0 || stored.Value.State == CreditPurchaseState.Failed;
        return await AskAsync(recorded, () => ChargeAsync(request), isFirst, CancellationToken.None).ConfigureAwait(false);
    }

    private async ValueTask<Charge?> ChargeAsync(ChargeRequest request)
    {
        var charge = await payments.Required.ChargeAsync(request, CancellationToken.None).ConfigureAwait(false);
        return charge with { Attempt = charge.Attempt ?? request.Attempt };
    }

    /// <summary>An attempt that was given up may have taken money after all: another one beside it would be one too many.</summary>
    /// <returns>The answer where one has, or nobody can say; null where none has.</returns>
    private async ValueTask<CreditSale?> FindTakenAsync(CreditPurchase purchase, CancellationToken cancellationToken)
    {
        try
        {
            var taken = (await ListChargesAsync(purchase, cancellationToken).ConfigureAwait(false)).Find(charge => charge.Status == ChargeStatus.Succeeded);
            return taken is null ? null
                : await ConvergeAsync(purchase.Id, taken, cancellationToken).ConfigureAwait(false) is { } settled ? AnswerOf(settled, taken)
                : InProgress();
        }
        catch (PaymentProviderException error)
        {
            logger.LogWarning("Whether an earlier attempt at {Purchase} took money is unknown: {Message}", purchase.Id, error.Message);
            return Unknown();
        }
    }

    /// <param name="stored">The purchase.</param>
    /// <param name="ask">Charges, or asks for what was charged.</param>
    /// <param name="isFirst">True where nothing can have been charged in this attempt before: only then does a refusal say that nothing was.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private async ValueTask<CreditSale> AskAsync(Stored<CreditPurchase> stored, Func<ValueTask<Charge?>> ask, bool isFirst, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().ConfigureAwait(false) is { } charge
                && await ConvergeAsync(stored.Value.Id, charge, cancellationToken).ConfigureAwait(false) is { } settled
                ? AnswerOf(settled, charge)
                : InProgress();
        }
        catch (PaymentProviderException error) when (error.IsTransient)
        {
            logger.LogWarning("The charge of {Purchase} is unknown: {Message}", stored.Value.Id, error.Message);
            return Unknown();
        }
        catch (PaymentMethodMissingException) when (isFirst)
        {
            await SaveAsync(stored, stored.Value with { State = CreditPurchaseState.Failed }, null, cancellationToken).ConfigureAwait(false);
            return NoPaymentMethod();
        }
        catch (PaymentProviderException error)
        {
            logger.LogError("The provider refused the charge of {Purchase}: {Message}", stored.Value.Id, error.Message);
            if (!isFirst)
            {
                return await LookUpAsync(stored.Value, cancellationToken).ConfigureAwait(false);
            }

            await SaveAsync(stored, stored.Value with { State = CreditPurchaseState.Failed }, null, cancellationToken).ConfigureAwait(false);
            return CreditSale.Refused(StatusCodes.Status503ServiceUnavailable, "payments_unavailable", "The payment provider refused the charge; nothing was charged.");
        }
    }

    /// <summary>What became of an attempt whose repetition was refused; the first try may have charged all the same.</summary>
    private async ValueTask<CreditSale> LookUpAsync(CreditPurchase purchase, CancellationToken cancellationToken)
    {
        try
        {
            return await FindChargeAsync(purchase, cancellationToken).ConfigureAwait(false) is { } charge
                && await ConvergeAsync(purchase.Id, charge, cancellationToken).ConfigureAwait(false) is { } settled
                ? AnswerOf(settled, charge)
                : Unknown();
        }
        catch (PaymentProviderException error)
        {
            logger.LogWarning("The charge of {Purchase} is unknown: {Message}", purchase.Id, error.Message);
            return Unknown();
        }
    }

    /// <summary>
    /// Brings a purchase to where one of its charges is, whoever else is doing so: the call that charged, the provider's event, the reconciler.
    /// </summary>
    /// <param name="purchaseId">The purchase.</param>
    /// <param name="charge">The charge as the provider has it now.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The purchase then; null where there is none, or others change it over and over.</returns>
    private async ValueTask<Stored<CreditPurchase>?> ConvergeAsync(string purchaseId, Charge charge, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds && await books.CreditPurchases.FindAsync(purchaseId, cancellationToken).ConfigureAwait(false) is { } stored; round++)
        {
            RequireSameAmount(stored.Value, charge);
            var isSuccess = charge.Status == ChargeStatus.Succeeded;
            var isPaid = stored.Value.State is CreditPurchaseState.Charged or CreditPurchaseState.Granted;
            if (isSuccess && isPaid && stored.Value.ChargeId != charge.Id)
            {
                return await GrantFurtherAsync(stored.Value, charge, cancellationToken).ConfigureAwait(false) is not { } fault
                    ? stored
                    : throw new LedgerUnavailableException(fault);
            }

            if (stored.Value.State == CreditPurchaseState.Granted || (!isSuccess && (isPaid || !IsOfAttempt(charge, stored.Value))))
            {
                return stored; // What did not take money says nothing of an attempt that is not its own. What did is the purchase's, whichever attempt it was.
            }

            if (await ApplyAsync(stored, charge, cancellationToken).ConfigureAwait(false) is { } applied)
            {
                return applied;
            }
        }

        return null;
    }

    /// <summary>Writes down what became of a charge, and grants it where it succeeded; null where another was quicker.</summary>
    private async ValueTask<Stored<CreditPurchase>?> ApplyAsync(Stored<CreditPurchase> stored, Charge charge, CancellationToken cancellationToken)
    {
        var applied = stored.Value with
        {
            ChargeId = charge.Id,
            PaymentUrl = charge.PaymentUrl,
            State = charge.Status switch
            {
                ChargeStatus.Succeeded => CreditPurchaseState.Charged,
                ChargeStatus.Declined => CreditPurchaseState.Failed,
                ChargeStatus.AuthenticationRequired => CreditPurchaseState.AwaitingAuthentication,
                ChargeStatus.Processing => CreditPurchaseState.Charging,
                _ => throw new ArgumentOutOfRangeException(nameof(charge), charge.Status, "There is no such status."),
            },
        };
        return await SaveAsync(stored, applied, null, cancellationToken).ConfigureAwait(false) is not { } saved ? null
            : applied.State == CreditPurchaseState.Charged ? await GrantAsync(saved, cancellationToken).ConfigureAwait(false)
            : saved;
    }

    /// <summary>Grants what is charged. Where the ledger cannot now, the purchase stays charged and is due; null where another was quicker.</summary>
    private async ValueTask<Stored<CreditPurchase>?> GrantAsync(Stored<CreditPurchase> stored, CancellationToken cancellationToken)
    {
        var purchase = stored.Value;
        var account = new AccountId(purchase.Account);
        var (transaction, fault) = await GrantAsync(purchase, purchase.ChargeId!, cancellationToken).ConfigureAwait(false);
        if (fault is not null || !(await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out _))
        {
            return stored;
        }

        var granted = purchase with { State = CreditPurchaseState.Granted, PermanentAfter = balance.Permanent.TenThousandths, GrantedBy = transaction };
        return await SaveAsync(stored, granted, null, cancellationToken).ConfigureAwait(false);
    }

    /// <returns>The transaction where it was granted now, or why it was not granted; neither where it was granted before.</returns>
    private async ValueTask<(string? Transaction, string? Fault)> GrantAsync(CreditPurchase purchase, string chargeId, CancellationToken cancellationToken)
    {
        var request = new GrantRequest
        {
            Source = GrantSource.Purchase,
            Amount = Credits.Of(purchase.Credits),
            Description = $"Purchase of {purchase.Credits} credits",
            ExternalReference = LedgerReferences.OfCharge(payments.Required.Name, chargeId),
        };
        var outcome = await meter.GrantAsync(new(purchase.Account), request, cancellationToken).ConfigureAwait(false);
        if (outcome.TryGet(out var posting, out var refusal))
        {
            return (posting.TransactionId.ToString(), null);
        }

        if (refusal.Reason == RefusalReason.ReferenceUsed)
        {
            return (null, null);
        }

        if (RefusalStatus.Of(refusal.Reason).Status != StatusCodes.Status503ServiceUnavailable)
        {
            logger.LogError(
                "The charge {Charge} took the money of the purchase {Purchase}, and the ledger does not grant its credits: {Message} Refund the charge, or mend the account; it is tried again.",
                chargeId,
                purchase.Id,
                refusal.Message);
        }

        return (null, refusal.Message);
    }

    /// <summary>An earlier attempt's charge succeeded after a later one had: the customer has paid twice and gets both.</summary>
    private async ValueTask<string?> GrantFurtherAsync(CreditPurchase purchase, Charge charge, CancellationToken cancellationToken)
    {
        var (transaction, fault) = await GrantAsync(purchase, charge.Id, cancellationToken).ConfigureAwait(false);
        if (transaction is not null)
        {
            logger.LogWarning("The purchase {Purchase} was charged by {Charge} beside {Other}; both are granted.", purchase.Id, charge.Id, purchase.ChargeId);
        }

        return fault;
    }

    private async ValueTask<Stored<CreditPurchase>?> SaveAsync(Stored<CreditPurchase> stored, CreditPurchase changed, DateTimeOffset? due, CancellationToken cancellationToken) =>
        await books.SaveAsync(cancellationToken, books.CreditPurchases.Change(changed, stored.Version, due)).ConfigureAwait(false) ? new(changed, stored.Version + 1) : null;

    private static void RequireSameAmount(CreditPurchase purchase, Charge charge)
    {
        if (charge.AmountCents != purchase.AmountCents)
        {
            throw new InvalidOperationException($"The charge {charge.Id} takes {charge.AmountCents} cents; its purchase {purchase.Id} says {purchase.AmountCents}.");
        }
    }

    private static CreditSale AnswerOf(Stored<CreditPurchase> applied, Charge? charge) => applied.Value.State switch
    {
        CreditPurchaseState.Granted => new(applied.Value, false, null),
        CreditPurchaseState.Failed => CreditSale.Refused(
            StatusCodes.Status402PaymentRequired, "card_declined", charge?.DeclineMessage ?? "The card was declined; nothing was charged and nothing was granted."),
        CreditPurchaseState.AwaitingAuthentication => new(
            null,
            false,
            new(StatusCodes.Status402PaymentRequired, "authentication_required", "The card needs its owner's authentication: open paymentUrl. The credits are granted once it is paid; nothing was charged yet."),
            applied.Value.PaymentUrl),
        CreditPurchaseState.Charged => new(null, false, new(
            StatusCodes.Status503ServiceUnavailable, "grant_pending", "The card was charged; the credits will be granted as soon as the ledger can be written. Do not buy again: retry with the same Idempotency-Key.")
        {
            RetryAfter = TimeSpan.FromSeconds(5),
        }),
        CreditPurchaseState.Charging => Unknown(),
        _ => throw new ArgumentOutOfRangeException(nameof(applied), applied.Value.State, "There is no such state."),
    };

    private static CreditSale Unknown() => CreditSale.Refused(new Failure(
        StatusCodes.Status503ServiceUnavailable, "outcome_unknown", "Whether the card was charged is not known yet; it will be found out, and what was charged is granted. Retry with the same Idempotency-Key.")
    {
        RetryAfter = TimeSpan.FromSeconds(5),
    });

    private static CreditSale NoPaymentMethod() =>
        CreditSale.Refused(StatusCodes.Status402PaymentRequired, "payment_method_required", "The account has no saved payment method; nothing was charged.");

    private static CreditSale InProgress() => CreditSale.Refused(new Failure(
        StatusCodes.Status503ServiceUnavailable, "purchase_in_progress", "The same purchase is being made by another call; retry with the same Idempotency-Key.")
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    });

    private static DateTimeOffset Milliseconds(DateTimeOffset instant) => DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}
