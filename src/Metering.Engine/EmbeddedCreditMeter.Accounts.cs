using Metering.Core;

namespace Metering.Engine;

/// <content>Status, debt, plan.</content>
public sealed partial class EmbeddedCreditMeter
{
    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> SetStatusAsync(AccountId account, AccountStatusRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, CommandFactory.Create(request), toBalance, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> SetCreditLimitAsync(AccountId account, CreditLimitRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, CommandFactory.Create(request), toBalance, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<Outcome<TakenBack>> TakeBackAsync(AccountId account, TakeBackRequest request, CancellationToken cancellationToken = default)
    {
        var (grant, isArchived) = (0L, false);
        if (request.GrantedBy is { } id)
        {
            try
            {
                var found = await FindAsync(account, id, cancellationToken);
                (grant, isArchived) = (found.Entry?.Sequence ?? 0, found.IsArchived);
            }
            catch (LedgerUnavailableException exception)
            {
                return CallRunner.Unavailable(exception);
            }
        }

        return await RunAsync(account, commands.Create(request, grant, isArchived), ToTakenBack, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, ChangePlanRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, commands.Create(request), ToPlanChange, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> CancelAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, CommandFactory.Create(request, isCancelled: true), toBalance, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> ResumeAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, CommandFactory.Create(request, isCancelled: false), toBalance, cancellationToken);

    private static Outcome<TakenBack> ToTakenBack(in Run run)
    {
        if (run.Refusal is { } refusal)
        {
            return refusal;
        }

        var taken = Views.ToTakenBack((CreditsTakenBack)run.Entry!);
        return run.IsReplay ? Outcome.Replay(taken) : taken;
    }

    private static Outcome<PlanChange> ToPlanChange(in Run run)
    {
        if (run.Refusal is { } refusal)
        {
            return refusal;
        }

        var change = Views.ToPlanChange(run.Entry!);
        return run.IsReplay ? Outcome.Replay(change) : change;
    }
}
