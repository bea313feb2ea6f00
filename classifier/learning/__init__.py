"""Training, evaluation, promotion and drift of models. Imports scikit-learn, which takes seconds: who serves does not."""
