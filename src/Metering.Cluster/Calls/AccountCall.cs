using Metering.Engine;

namespace Metering.Cluster;

/// <summary>One call of the meter on its way to its account's grain.</summary>
[GenerateSerializer, Immutable, Alias("metering.call")]
internal abstract class AccountCall
{
    /// <summary>What the call weighs in a message: records or items, 1 or more.</summary>
    public virtual int Weight => 1;

    /// <summary>Runs the call where the account lives. Failures travel as answers: one of a message's calls must not fail the others.</summary>
    public Task<AccountAnswer> AnswerAsync(ICreditMeter engine, AccountId account)
    {
        try
        {
            return RunAsync(engine, account);
        }
        catch (Exception exception)
        {
            return Task.FromResult<AccountAnswer>(Failed.Of(exception));
        }
    }

    /// <summary>Runs the call; throws where it does not come as far as its account.</summary>
    protected abstract Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account);

    /// <summary>The outcome as it travels.</summary>
    protected static async Task<AccountAnswer> TravelAsync<T>(ValueTask<Outcome<T>> outcome)
        where T : class
    {
        try
        {
            return new Answered<T> { Outcome = await outcome };
        }
        catch (AccountElsewhereException)
        {
            return new Moved();
        }
        catch (Exception exception)
        {
            return Failed.Of(exception);
        }
    }
}

/// <summary>The calls of one process to one account that were waiting together.</summary>
[GenerateSerializer, Immutable, Alias("metering.calls")]
internal sealed class AccountCalls
{
    [Id(0)]
    public required AccountCall[] Items { get; init; }
}

[GenerateSerializer, Immutable, Alias("metering.call.open")]
internal sealed class OpenAccountCall : AccountCall
{
    [Id(0)]
    public required OpenAccountRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.OpenAccountAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.deduct")]
internal sealed class DeductCall : AccountCall
{
    [Id(0)]
    public required DeductRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.DeductAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.deduct-batch")]
internal sealed class DeductBatchCall : AccountCall
{
    [Id(0)]
    public required DeductBatchRequest Request { get; init; }

    public override int Weight => Math.Max(1, Request.Items.Count);

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.DeductBatchAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.access")]
internal sealed class AccessRecordsCall : AccountCall
{
    [Id(0)]
    public required RecordAccessRequest Request { get; init; }

    public override int Weight => Math.Max(1, Request.Records.Count);

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.AccessRecordsAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.grant")]
internal sealed class GrantCall : AccountCall
{
    [Id(0)]
    public required GrantRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.GrantAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.adjust")]
internal sealed class AdjustCall : AccountCall
{
    [Id(0)]
    public required AdjustRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.AdjustAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.refund")]
internal sealed class RefundCall : AccountCall
{
    [Id(0)]
    public required RefundRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.RefundAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.payment")]
internal sealed class RecordPaymentCall : AccountCall
{
    [Id(0)]
    public required PaymentRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.RecordPaymentAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.balance")]
internal sealed class GetBalanceCall : AccountCall
{
    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.GetBalanceAsync(account));
}

[GenerateSerializer, Immutable, Alias("metering.call.refresh")]
internal sealed class RefreshCall : AccountCall
{
    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.RefreshAsync(account));
}

[GenerateSerializer, Immutable, Alias("metering.call.list")]
internal sealed class ListTransactionsCall : AccountCall
{
    [Id(0)]
    public required TransactionQuery Query { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.ListTransactionsAsync(account, Query));
}

[GenerateSerializer, Immutable, Alias("metering.call.find")]
internal sealed class GetTransactionCall : AccountCall
{
    [Id(0)]
    public required TransactionId Id { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.GetTransactionAsync(account, Id));
}
