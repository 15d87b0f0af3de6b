namespace Metering.Cluster;

/// <summary>One account, wherever in the cluster it lives. The key is the account's id.</summary>
[Alias("metering.account")]
internal interface IAccountGrain : IGrainWithStringKey
{
    /// <summary>Runs calls side by side and returns when the last of them is answered: durable, or refused for good.</summary>
    /// <param name="calls">One or more calls.</param>
    /// <returns>An answer for each, in the same order.</returns>
    [Alias("run")]
    ValueTask<AccountAnswers> RunAsync(AccountCalls calls);
}
